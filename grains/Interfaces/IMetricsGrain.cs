using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Concurrency;

namespace DistTrain.Grains;

/// <summary>What viewers of one job read. Bounded memory; after the loss of its silo it is filled again from what was committed. Key: the job's id.</summary>
[Alias("disttrain.metrics")]
public interface IMetricsGrain : IGrainWithStringKey
{
    /// <summary>From the job's silo: what was committed and what happened. Nobody waits for it.</summary>
    [OneWay, Alias("append")]
    Task Append(MetricPoint[] points, TrainingEvent[] events, bool ended);

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
