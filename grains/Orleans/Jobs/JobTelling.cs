using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Training;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>
/// Carries what a job tells to its metrics grain, in batches, and its events to the store first. Training never waits for it: it reads the job's feed and keeps all of
/// it, so a metrics grain that has lost its memory is told again from the beginning.
/// </summary>
internal sealed partial class JobTelling
{
    private const int Batch = 500;
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _callLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _endLimit = TimeSpan.FromSeconds(30);

    private readonly string _job;
    private readonly RunFeed _feed;
    private readonly RunHistory _history;
    private readonly IMetricsGrain _metrics;
    private readonly IClusterStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TrainingMeter.FollowedJob _meter;
    private readonly Lock _writing = new();
    private readonly CancellationTokenSource _abandoned = new();
    private volatile string _verdict = "";
    private readonly Task _read;
    private readonly Task _told;

    public JobTelling(string job, ResolvedJob resolved, RunFeed feed, IMetricsGrain metrics, IClusterStore store, TrainingMeter.FollowedJob meter, TimeProvider time, ILogger log, int keep = RunHistory.Kept)
    {
        (_job, _feed, _metrics, _store, _meter, _time, _log) = (job, feed, metrics, store, meter, time, log);
        _history = new RunHistory(resolved, time, keep);
        _read = ReadAsync();
        _told = TellAsync();
    }

    /// <summary>What the loss curves said after the newest evaluation; empty before the first.</summary>
    public string Verdict => _verdict;

    /// <summary>Something that the host of the job has to say.</summary>
    public void Tell(string kind, string severity, long step, string text)
    {
        lock (_writing) _history.Tell(kind, severity, step, text);
    }

    /// <summary>The job has ended so: says it, and waits until all that was told has arrived, for a while. Never fails: what is written down of a job's end does not hang on who watched it.</summary>
    public async Task EndAsync(JobStatus end)
    {
        try
        {
            await Task.WhenAny(_read, Task.Delay(_endLimit, _time)).ConfigureAwait(false);
            await SayEndAsync(end).ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            Broken(_job, broken);
        }
        await _abandoned.CancelAsync().ConfigureAwait(false);
    }

    private async Task SayEndAsync(JobStatus end)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"the job has {end.State} after step {end.Step:N0}{(end.WeightsSha256.Length > 0 ? $", weights sha256 {end.WeightsSha256}" : "")}{(end.Reason.Length > 0 ? $": {end.Reason}" : "")}");
        Tell("ended", end.State == JobStates.Failed ? "error" : "info", end.Step, text);
        _history.Complete();
        await Task.WhenAny(_told, Task.Delay(_endLimit, _time)).ConfigureAwait(false);
    }

    /// <summary>Another silo tells from now on.</summary>
    public void Abandon() => _abandoned.Cancel();

    // A record that cannot be kept costs itself; the feed is read to its end, as nothing falls out of it.
    private async Task ReadAsync()
    {
        await foreach (var record in _feed.Records.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                lock (_writing) _history.Add(record);
                if (record.Kind is RunRecordKind.Evaluation) _verdict = _history.Diagnose().Name;
            }
            catch (Exception lost) when (lost is not OutOfMemoryException)
            {
                NotTold(_job, lost.Message);
            }
        }
    }

    private async Task TellAsync()
    {
        try
        {
            var events = new List<TrainingEvent>(await Again(() => _store.EventsAsync(_job, _abandoned.Token)).ConfigureAwait(false));
            var before = events.Count == 0 ? 0 : events[^1].Sequence;
            var happenings = _history.EventsAsync(0, _abandoned.Token).GetAsyncEnumerator(_abandoned.Token);
            var reading = CancellationTokenSource.CreateLinkedTokenSource(_abandoned.Token);
            var points = _history.MetricsAsync(0, reading.Token).GetAsyncEnumerator(reading.Token);
            var (nextEvent, nextPoint) = (happenings.MoveNextAsync().AsTask(), points.MoveNextAsync().AsTask());
            for (var (ended, sent, told, metered) = (false, 0L, 0L, 0L); !ended;)
            {
                await Task.WhenAny(nextEvent, nextPoint, Task.Delay(TimeSpan.FromSeconds(5), _time, _abandoned.Token)).ConfigureAwait(false);
                var happened = new List<TrainingEvent>();
                while (nextEvent.IsCompleted && nextEvent.Result && happened.Count < Batch)
                {
                    happened.Add(happenings.Current with { Sequence = before + happenings.Current.Sequence });
                    nextEvent = happenings.MoveNextAsync().AsTask();
                }
                // Kept before it is told: a sequence that a viewer has seen never becomes another event.
                if (happened.Count > 0) await Again(async () => { await _store.AppendAsync(_job, happened, _abandoned.Token).ConfigureAwait(false); return true; }).ConfigureAwait(false);
                events.AddRange(happened);
                // As many as the grain keeps, or a few more: what is older is in the store.
                if (events.Count > 2 * MetricsGrain.EventsKept) events.RemoveRange(0, events.Count - MetricsGrain.EventsKept);
                foreach (var one in happened) _meter.Tell(one);
                var measured = new List<MetricPoint>();
                while (nextPoint.IsCompleted && nextPoint.Result && measured.Count < Batch)
                {
                    measured.Add(points.Current);
                    nextPoint = points.MoveNextAsync().AsTask();
                }
                ended = nextEvent.IsCompleted && !nextEvent.Result && nextPoint.IsCompleted && !nextPoint.Result;
                foreach (var point in measured) if (point.Sequence > metered) _meter.Tell(point);
                if (measured.Count > 0) metered = Math.Max(metered, measured[^1].Sequence);
                var (afterPoint, afterEvent) = (told, sent);
                told = measured.Count > 0 ? measured[^1].Sequence : told;
                var news = events.Count > 0 && events[^1].Sequence > sent ? events.FindAll(e => e.Sequence > sent) : [];
                if (news.Count > Batch) (ended, news) = (false, news[..Batch]);
                sent = news.Count > 0 ? news[^1].Sequence : sent;
                var wanted = await Again(() => _metrics.Append([.. measured], [.. news], ended ? told : -1, ended ? sent : -1, afterPoint, afterEvent).WaitAsync(_callLimit, _abandoned.Token)).ConfigureAwait(false);
                var missed = wanted.Point <= told || wanted.Event <= sent;
                if (missed)
                {
                    // The grain has lost its memory, or missed a part: from there again, or from the oldest that is still here.
                    (ended, told, sent) = (false, Math.Min(told, wanted.Point - 1), Math.Min(sent, wanted.Event - 1));
                    // A reader that waits for its next point cannot be disposed of before it has stopped waiting.
                    await reading.CancelAsync().ConfigureAwait(false);
                    await ((Task)nextPoint).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    await points.DisposeAsync().ConfigureAwait(false);
                    reading.Dispose();
                    reading = CancellationTokenSource.CreateLinkedTokenSource(_abandoned.Token);
                    points = _history.MetricsAsync(told, reading.Token).GetAsyncEnumerator(reading.Token);
                    nextPoint = points.MoveNextAsync().AsTask();
                }
                // What has piled up goes on at once where it is taken.
                if (!ended && (missed || (measured.Count < Batch && news.Count < Batch))) await Task.Delay(_pause, _time, _abandoned.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_abandoned.IsCancellationRequested)
        {
            // Abandoned.
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            Broken(_job, broken);
        }
        finally
        {
            _meter.Dispose();
        }
    }

    private async Task<T> Again<T>(Func<Task<T>> ask)
    {
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (Exception unreached) when (!_abandoned.IsCancellationRequested && unreached is not OutOfMemoryException)
            {
                // Whatever it is: a grain that dies with its silo answers with a cancellation or with what was disposed of under it. Who is told nothing more would wait for ever.
                NotTold(_job, unreached.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(250), _time, _abandoned.Token).ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(40, LogLevel.Warning, "Job {Job}: what it tells waits: {Reason}")]
    private partial void NotTold(string job, string reason);

    [LoggerMessage(41, LogLevel.Error, "Job {Job}: nothing more is told of it by this silo")]
    private partial void Broken(string job, Exception reason);
}
