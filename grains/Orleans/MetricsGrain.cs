using DistTrain.Contracts;
using DistTrain.Diagnosis;
using DistTrain.Grains.Wire;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace DistTrain.Grains;

/// <inheritdoc cref="IMetricsGrain"/>
[PreferLocalPlacement, Immovable, GrainDirectory(JobDirectory.Name)]
internal sealed class MetricsGrain(IClusterStore store, EndedJobs endedJobs, TimeProvider time) : Grain, IMetricsGrain
{
    private const int Most = 1000;

    // A little below what a client waits for an answer by default, so that it always gets one.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    /// <summary>The newest of each stay; viewers that come later begin with the oldest there is.</summary>
    internal const int EventsKept = 1 << 14;
    private readonly LiveLog<MetricPoint> _points = new(1 << 18);
    private readonly LiveLog<TrainingEvent> _events = new(EventsKept);
    private readonly CurveCollector _curves = new();

    public override Task OnActivateAsync(CancellationToken cancellationToken) => LookForEnd(cancellationToken);

    public Task<MetricsWanted> Append(MetricPoint[] points, TrainingEvent[] events, long lastPoint, long lastEvent, long afterPoint, long afterEvent)
    {
        Add(points, events, afterPoint, afterEvent);
        if (lastPoint == _points.Count && lastEvent == _events.Count) Complete();
        // Of a job whose end is known nothing is missing.
        return Task.FromResult(_points.IsCompleted ? new MetricsWanted(long.MaxValue, long.MaxValue) : new MetricsWanted(_points.Count + 1, _events.Count + 1));
    }

    public async Task<MetricBatch> Points(long after, int most)
    {
        var (points, ended) = await Read(_points, after, most);
        return new MetricBatch(points, ended);
    }

    public async Task<EventBatch> Events(long after, int most)
    {
        var (events, ended) = await Read(_events, after, most);
        return new EventBatch(events, ended);
    }

    public Task<Verdict> Diagnose() => Task.FromResult(LossDiagnosis.Of(_curves.Curves));

    // Of a job that runs its silo tells all; of one that has ended nobody does any more.
    private async Task LookForEnd(CancellationToken cancellation)
    {
        var job = this.GetPrimaryKeyString();
        if (_points.IsCompleted || await store.ReadAsync(StoreKind.End, job, cancellation) is not { } end) return;
        Add(await endedJobs.PointsAsync(JobEntry.ParseEnd(end)), await store.EventsAsync(job, cancellation), 0, 0);
        Complete();
    }

    private void Add(IReadOnlyList<MetricPoint> points, IReadOnlyList<TrainingEvent> events, long afterPoint, long afterEvent)
    {
        if (_points.IsCompleted) return;
        if (afterPoint <= _points.Count)
            foreach (var point in points)
            {
                if (point.Sequence <= _points.Count) continue;
                _points.Skip(point.Sequence - 1);
                _points.Add(point);
                _curves.Add(point);
            }
        if (afterEvent > _events.Count) return;
        foreach (var happened in events)
        {
            if (happened.Sequence <= _events.Count) continue;
            _events.Skip(happened.Sequence - 1);
            _events.Add(happened);
        }
    }

    private void Complete()
    {
        _points.Complete();
        _events.Complete();
    }

    private async Task<(T[] Entries, bool Ended)> Read<T>(LiveLog<T> log, long after, int most)
    {
        var entries = new List<T>();
        using var patience = new CancellationTokenSource(_patience, time);
        try
        {
            await foreach (var (sequence, entry) in log.FollowAsync(after, patience.Token))
            {
                entries.Add(entry);
                if (entries.Count >= Math.Clamp(most, 1, Most) || sequence >= log.Count) break;
            }
        }
        catch (OperationCanceledException)
        {
            // Nothing came; the viewer asks again. The job may have ended while its silo could not reach this grain.
            try
            {
                if (entries.Count == 0) await LookForEnd(CancellationToken.None);
            }
            catch (StoreUnreachableException)
            {
                // Nor can anybody say so while the store is away; training goes on.
            }
        }
        return ([.. entries], log.IsCompleted && after + entries.Count >= log.Count);
    }
}
