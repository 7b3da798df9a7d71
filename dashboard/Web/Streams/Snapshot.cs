using DistTrain.Contracts;

namespace DistTrain.Dashboard;

/// <summary>What a live sequence holds already, without waiting for what comes.</summary>
internal static class Snapshot
{
    // A running job may have nothing more to say; a busy machine may only be slow to say it.
    private static readonly TimeSpan WhileRunning = TimeSpan.FromSeconds(2);

    /// <summary>How long to wait for the next item: of a job that has ended the sequence ends by itself, so until then nothing is left out.</summary>
    public static TimeSpan Silence(JobStatus status) => JobStates.IsEnd(status.State) ? Timeout.InfiniteTimeSpan : WhileRunning;

    /// <summary>Points up to the step that was committed when the job was asked.</summary>
    public static Task<(List<MetricPoint> Items, bool More)> PointsAsync(ITrainingCluster cluster, JobStatus status, long after, int limit, CancellationToken cancellation) =>
        TakeAsync(c => cluster.MetricsAsync(status.Job, after, c), p => !JobStates.IsEnd(status.State) && p.Kind == "step" && p.Step >= status.Step, Silence(status), limit, cancellation);

    /// <summary>Items until the limit, the sequence's end, a while of silence, or the last that is asked for.</summary>
    /// <param name="sequence">Runs on until it is told to end.</param>
    /// <param name="isLast">What was there when it was asked for ends with this item: a run that goes on fast is never silent.</param>
    /// <returns>The items, and whether there were more.</returns>
    public static async Task<(List<T> Items, bool More)> TakeAsync<T>(Func<CancellationToken, IAsyncEnumerable<T>> sequence, Func<T, bool> isLast, TimeSpan silence, int limit, CancellationToken cancellation)
    {
        var items = new List<T>();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var cursor = sequence(enough.Token).GetAsyncEnumerator(enough.Token);
        Task<bool>? last = null;
        try
        {
            while (true)
            {
                last = cursor.MoveNextAsync().AsTask();
                if (!last.IsCompleted) await Task.WhenAny(last, Task.Delay(silence, cancellation)).ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
                if (!last.IsCompleted || !await last.ConfigureAwait(false)) return (items, false);
                if (items.Count == limit) return (items, true);
                items.Add(cursor.Current);
                if (isLast(cursor.Current)) return (items, false);
            }
        }
        finally
        {
            await enough.CancelAsync().ConfigureAwait(false);
            try
            {
                if (last is not null) await last.ConfigureAwait(false);
            }
            catch (Exception ended) when (ended is OperationCanceledException or ClusterException)
            {
                // What it was waiting for is not wanted any more; what mattered was thrown above.
            }
            await cursor.DisposeAsync().ConfigureAwait(false);
        }
    }
}
