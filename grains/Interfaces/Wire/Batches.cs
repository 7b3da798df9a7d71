using DistTrain.Contracts;
using Orleans;

namespace DistTrain.Grains.Wire;

/// <summary>Metric points in order.</summary>
/// <param name="Ended">The job has ended and these are its last: nothing follows.</param>
[GenerateSerializer, Immutable, Alias("disttrain.metricBatch")]
public sealed record MetricBatch([property: Id(0)] MetricPoint[] Points, [property: Id(1)] bool Ended);

/// <summary>Events in order.</summary>
/// <param name="Ended">The job has ended and these are its last: nothing follows.</param>
[GenerateSerializer, Immutable, Alias("disttrain.eventBatch")]
public sealed record EventBatch([property: Id(0)] TrainingEvent[] Events, [property: Id(1)] bool Ended);

/// <summary>The next sequences that a metrics grain does not have.</summary>
[GenerateSerializer, Immutable, Alias("disttrain.metricsWanted")]
public readonly record struct MetricsWanted([property: Id(0)] long Point, [property: Id(1)] long Event);
