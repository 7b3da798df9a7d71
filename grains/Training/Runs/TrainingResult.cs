namespace DistTrain.Training;

public enum TrainingStatus
{
    /// <summary>All epochs done.</summary>
    Completed,

    /// <summary>Stopped on request, at a checkpoint where there is a folder; resume continues to the same bits.</summary>
    Interrupted,

    /// <summary>Stopped by the job itself; <see cref="TrainingResult.Error"/> says why.</summary>
    Failed,
}

/// <summary>How a run ended.</summary>
public sealed record TrainingResult
{
    public required TrainingStatus Status { get; init; }

    /// <summary>Why it failed; null otherwise.</summary>
    public string? Error { get; init; }

    /// <summary>Epochs finished.</summary>
    public int Epochs { get; init; }

    /// <summary>Steps committed over the job's life.</summary>
    public long Steps { get; init; }

    /// <summary>Steps of this run alone (less than Steps after a resume).</summary>
    public long StepsThisRun { get; init; }

    /// <summary>Wall time of this run.</summary>
    public double Seconds { get; init; }

    /// <summary>Samples of this run's committed steps by wall time spent in steps (evaluations excluded).</summary>
    public double SamplesPerSecond { get; init; }

    /// <summary>Mean training loss of the last committed epoch's steps so far.</summary>
    public double TrainLoss { get; init; }

    /// <summary>The last evaluation; NaN before the first.</summary>
    public double TestLoss { get; init; } = double.NaN;

    /// <summary>Share of correct predictions in the last evaluation; NaN before the first.</summary>
    public double TestAccuracy { get; init; } = double.NaN;

    /// <summary>Lower-case hex over parameters and moments in layout order (padding and metrics left out).</summary>
    public string WeightsSha256 { get; init; } = "";

    /// <summary>Lower-case hex over the optimizer's state in the same order.</summary>
    public string StateSha256 { get; init; } = "";

    /// <summary>Lower-case hex over the committed records.</summary>
    public string LossLogSha256 { get; init; } = "";

    public int Workers { get; init; }

    public int Shards { get; init; }

    public int MicroBatches { get; init; }

    /// <summary>Path of the newest checkpoint's manifest; empty without one.</summary>
    public string Checkpoint { get; init; } = "";

    /// <summary>What went wrong without stopping the run (a checkpoint that could not be written, a worker that was lost).</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
