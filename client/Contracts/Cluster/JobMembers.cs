namespace DistTrain.Contracts;

/// <summary>Who takes part in a job now.</summary>
public sealed record JobMembers(IReadOnlyList<WorkerReport> Workers, IReadOnlyList<ShardReport> Shards);

/// <summary>A worker, with where its time went since it joined.</summary>
public sealed record WorkerReport
{
    public required int Number { get; init; }

    /// <summary>For people: host, process, thread.</summary>
    public required string Name { get; init; }

    /// <summary>The silo it runs on; "local" when embedded.</summary>
    public string Node { get; init; } = "local";

    public string Device { get; init; } = "";

    /// <summary>working, waiting or starting.</summary>
    public required string State { get; init; }

    /// <summary>The step and micro-batches it holds a lease on, such as "step 412, micro-batches 4-5"; empty without one.</summary>
    public string Lease { get; init; } = "";

    public double ComputeSeconds { get; init; }
    public double PushSeconds { get; init; }
    public double PullSeconds { get; init; }
    public double WaitSeconds { get; init; }

    /// <summary>Running shards and the job on the worker's thread, when embedded.</summary>
    public double ServeSeconds { get; init; }
    public long MicroBatches { get; init; }
    public long BytesSent { get; init; }
    public long BytesReceived { get; init; }
}

/// <summary>A parameter shard: where its primary and its replica are.</summary>
/// <param name="Replica">Empty without one.</param>
/// <param name="Elements">Floats it owns.</param>
public sealed record ShardReport(int Number, string Primary, string Replica, long Version, long Elements);
