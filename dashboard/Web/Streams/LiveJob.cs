using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Threading.Channels;
using DistTrain.Contracts;

namespace DistTrain.Dashboard;

/// <summary>Sends one viewer all that happens to one job. Three readers (points, events, the rest) hand over to one writer.</summary>
internal sealed class LiveJob(string job, ITrainingCluster cluster, RecentAnswers answers, EventStream stream, long after, long afterEvent)
{
    /// <summary>How often what has no stream of its own is looked at.</summary>
    public static readonly TimeSpan Beat = TimeSpan.FromSeconds(1);

    // Ten times a second looks live; sending every step by itself would cost both sides more than it shows.
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(100);
    private const int LargestBatch = 5000;

    private readonly Channel<Action> _outbox = Channel.CreateBounded<Action>(new BoundedChannelOptions(64) { SingleReader = true });
    private readonly Dictionary<string, string> _shown = [];
    private long _point = after;
    private long _event = afterEvent;

    private string Id => FormattableString.Invariant($"{_point}.{_event}");

    /// <summary>Returns, or fails as the stream does, when nothing of it is at work any more.</summary>
    public async Task SendAsync(CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var beat = BeatAsync(end.Token);
        var sources = Task.WhenAll(PointsAsync(end.Token), EventsAsync(end.Token));
        var finished = FinishAsync(sources, beat, end);
        try
        {
            while (true)
            {
                var more = _outbox.Reader.WaitToReadAsync(cancellation).AsTask();
                if (await Task.WhenAny(more, Task.Delay(stream.Heartbeat, cancellation)).ConfigureAwait(false) != more && !more.IsCompleted) stream.AddHeartbeat();
                else if (!await more.ConfigureAwait(false)) break;
                while (_outbox.Reader.TryRead(out var add)) add();
                await stream.FlushAsync(cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            // The viewer may be gone: who still gathers for it is ended, and waited for, before what they use is disposed of.
            await end.CancelAsync().ConfigureAwait(false);
            _outbox.Writer.TryComplete();
            await Task.WhenAll(finished, sources, beat).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await finished.ConfigureAwait(false);
    }

    // After the last point and event: how it all stands, once more, then the end.
    private async Task FinishAsync(Task sources, Task beat, CancellationTokenSource end)
    {
        try
        {
            await sources.ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
            await beat.ConfigureAwait(false);
            await LookAsync(last: true, CancellationToken.None).ConfigureAwait(false);
            var status = await cluster.GetAsync(job).ConfigureAwait(false);
            await _outbox.Writer.WriteAsync(() => stream.Add("end", Id, status, ClusterJson.Plain.JobStatus)).ConfigureAwait(false);
        }
        catch (ClusterException refused)
        {
            await _outbox.Writer.WriteAsync(() => stream.Add("problem", "", Answer.Report(refused), ClusterJson.Plain.ProblemReport)).ConfigureAwait(false);
        }
        catch (Exception left) when (left is OperationCanceledException or ChannelClosedException)
        {
            // The viewer left.
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            _outbox.Writer.TryComplete();
        }
    }

    private async Task PointsAsync(CancellationToken cancellation)
    {
        var cursor = cluster.MetricsAsync(job, _point, cancellation).GetAsyncEnumerator(cancellation);
        await using (cursor.ConfigureAwait(false))
        {
            var next = Next();
            try
            {
                while (await next.ConfigureAwait(false))
                {
                    var batch = new List<MetricPoint> { cursor.Current };
                    for (next = Next(); next.IsCompletedSuccessfully && next.Result && batch.Count < LargestBatch; next = Next()) batch.Add(cursor.Current);
                    await _outbox.Writer.WriteAsync(() =>
                    {
                        _point = batch[^1].Sequence;
                        stream.Add("points", Id, new MetricPage(batch, _point, More: false), ClusterJson.Plain.MetricPage);
                    }, cancellation).ConfigureAwait(false);
                    await Task.Delay(Gather, cancellation).ConfigureAwait(false);
                }
            }
            finally
            {
                // A cursor that still looks for the next point cannot be disposed of; it is told to stop together with this.
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            Task<bool> Next() => cursor.MoveNextAsync().AsTask();
        }
    }

    private async Task EventsAsync(CancellationToken cancellation)
    {
        await foreach (var happened in cluster.EventsAsync(job, _event, cancellation).ConfigureAwait(false))
            await _outbox.Writer.WriteAsync(() =>
            {
                _event = happened.Sequence;
                stream.Add("event", Id, happened, ClusterJson.Plain.TrainingEvent);
            }, cancellation).ConfigureAwait(false);
    }

    private async Task BeatAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Beat);
        try
        {
            do await LookAsync(last: false, cancellation).ConfigureAwait(false);
            while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The job or the viewer has ended.
        }
    }

    /// <param name="last">The job has ended: ask the cluster itself, as a second ago is too old.</param>
    private async Task LookAsync(bool last, CancellationToken cancellation)
    {
        await ShowAsync("status", () => last ? cluster.GetAsync(job, cancellation) : answers.StatusAsync(job), ClusterJson.Plain.JobStatus, cancellation).ConfigureAwait(false);
        await ShowAsync("members", () => last ? cluster.MembersAsync(job, cancellation) : answers.MembersAsync(job), ClusterJson.Plain.JobMembers, cancellation).ConfigureAwait(false);
        await ShowAsync("waits", async () => (WaitReport[])[.. await (last ? cluster.WhyAsync(job, cancellation) : answers.WhyAsync(job)).ConfigureAwait(false)], ClusterJson.Plain.WaitReportArray, cancellation).ConfigureAwait(false);
        await ShowAsync("verdict", () => last ? cluster.DiagnoseAsync(job, cancellation) : answers.DiagnoseAsync(job), ClusterJson.Plain.Verdict, cancellation).ConfigureAwait(false);
        await ShowAsync("checkpoints", async () => (CheckpointReport[])[.. await (last ? cluster.CheckpointsAsync(job, cancellation) : answers.CheckpointsAsync(job)).ConfigureAwait(false)], ClusterJson.Plain.CheckpointReportArray, cancellation).ConfigureAwait(false);
    }

    private async Task ShowAsync<T>(string name, Func<Task<T>> ask, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        T answer;
        try
        {
            answer = await ask().ConfigureAwait(false);
        }
        catch (ClusterException)
        {
            return; // the page keeps what it has; points and events say when the job is gone
        }
        var text = JsonSerializer.Serialize(answer, type);
        if (_shown.TryGetValue(name, out var shown) && shown == text) return;
        _shown[name] = text;
        await _outbox.Writer.WriteAsync(() => stream.Add(name, Id, answer, type), cancellation).ConfigureAwait(false);
    }
}
