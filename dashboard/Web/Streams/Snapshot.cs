using DistTrain.Contracts;

namespace DistTrain.Dashboard;

/// <summary>What a live sequence holds already, without waiting for what comes.</summary>
internal static class Snapshot
{
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);

    /// <summary>Items until the limit, the sequence's end, or the first moment of silence.</summary>
    /// <param name="sequence">Runs on until it is told to end.</param>
    /// <returns>The items, and whether there were more.</returns>
    public static async Task<(List<T> Items, bool More)> TakeAsync<T>(Func<CancellationToken, IAsyncEnumerable<T>> sequence, int limit, CancellationToken cancellation)
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
                if (!last.IsCompleted) await Task.WhenAny(last, Task.Delay(Silence, cancellation)).ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
                if (!last.IsCompleted || !await last.ConfigureAwait(false)) return (items, false);
                if (items.Count == limit) return (items, true);
                items.Add(cursor.Current);
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
