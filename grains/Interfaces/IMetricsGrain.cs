using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Concurrency;

namespace DistTrain.Grains;

/// <summary>What viewers of one job read. Bounded memory; after the loss of its silo it is filled again by the job's silo, or from the checkpoint of an ended job. Key: the job's id.</summary>
[Alias("disttrain.metrics")]
public interface IMetricsGrain : IGrainWithStringKey
{
    /// <summary>From the job's silo: what was committed and what happened, each with its sequence. What is known already is left out; training does not wait for the answer.</summary>
    /// <param name="lastPoint">Sequence of the job's last point, once it has ended; -1 before.</param>
    /// <param name="lastEvent">Sequence of the job's last event, once it has ended; -1 before.</param>
    /// <param name="afterPoint">The points are all that the sender still has after this sequence: a gap behind it is one that nobody can fill. Where the grain has less than this, it takes none and asks.</param>
    /// <param name="afterEvent">The same for the events.</param>
    /// <returns>Which sequences are missing next: a grain that has lost its memory asks from 1, and then takes the oldest that there is.</returns>
    [Alias("append")]
    Task<MetricsWanted> Append(MetricPoint[] points, TrainingEvent[] events, long lastPoint, long lastEvent, long afterPoint, long afterEvent);

    /// <summary>Points whose sequence is above <paramref name="after"/>, oldest first; waits a moment for the first where there is none yet.</summary>
    [AlwaysInterleave, Alias("points")]
    Task<MetricBatch> Points(long after, int most);

    /// <summary>Events whose sequence is above <paramref name="after"/>, oldest first; waits a moment for the first where there is none yet.</summary>
    [AlwaysInterleave, Alias("events")]
    Task<EventBatch> Events(long after, int most);

    /// <summary>What the loss curves say now.</summary>
    [AlwaysInterleave, Alias("diagnose")]
    Task<Verdict> Diagnose();
}
