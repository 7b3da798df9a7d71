namespace DistTrain.Contracts;

/// <summary>Where a job stands, as lists and status calls show it.</summary>
public sealed record JobStatus
{
    /// <summary>The job's id.</summary>
    public required string Job { get; init; }

    /// <summary>metadata.name of its spec.</summary>
    public required string Name { get; init; }

    /// <summary>One of <see cref="JobStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>Why it failed, stopped or waits; empty where there is nothing to say.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Committed steps.</summary>
    public long Step { get; init; }

    /// <summary>Steps of the whole job.</summary>
    public long TotalSteps { get; init; }

    public long StepsPerEpoch { get; init; }

    /// <summary>Loss of the last committed step; NaN before the first.</summary>
    public double TrainLoss { get; init; } = double.NaN;

    /// <summary>Of the last committed evaluation; NaN before the first.</summary>
    public double TestLoss { get; init; } = double.NaN;

    public double TestAccuracy { get; init; } = double.NaN;

    /// <summary>The lowest test loss so far, and after how many steps.</summary>
    public double BestTestLoss { get; init; } = double.NaN;

    public long BestTestLossStep { get; init; }

    public double SamplesPerSecond { get; init; }

    /// <summary>Workers alive now.</summary>
    public int Workers { get; init; }

    public int Shards { get; init; }

    public int MicroBatches { get; init; }

    /// <summary>Times that shards were placed anew: 1 for an undisturbed run.</summary>
    public long Incarnation { get; init; }

    public DateTimeOffset Submitted { get; init; }

    /// <summary>Seconds since it began to train.</summary>
    public double Seconds { get; init; }

    /// <summary>Name of the last verdict on its curves; empty before there was one.</summary>
    public string Verdict { get; init; } = "";

    /// <summary>Lower-case hex over the final weights; empty until the job has ended.</summary>
    public string WeightsSha256 { get; init; } = "";

    public string StateSha256 { get; init; } = "";

    public string LossLogSha256 { get; init; } = "";

    /// <summary>Path of the newest checkpoint's manifest; empty without one.</summary>
    public string Checkpoint { get; init; } = "";
}

/// <summary>Names of a job's states.</summary>
public static class JobStates
{
    public const string Queued = "queued";
    public const string Running = "running";
    public const string Stopping = "stopping";
    public const string Paused = "paused";
    public const string Succeeded = "succeeded";
    public const string Failed = "failed";
    public const string Stopped = "stopped";

    /// <summary>Nothing follows: no step, no event, no point.</summary>
    public static bool IsEnd(string state) => state is Succeeded or Failed or Stopped or Paused;
}
