using System.Text.Json.Nodes;

namespace DistTrain.Contracts;

/// <summary>A training job as a user writes it (YAML or JSON, apiVersion disttrain/v1, kind TrainingJob). Every property has its default here and nowhere else.</summary>
public sealed record JobSpec
{
    public const string ApiVersion = "disttrain/v1";
    public const string Kind = "TrainingJob";

    /// <summary>Lower-case letters, digits and dashes; the run's folder is named after it.</summary>
    public string Name { get; init; } = "digits";

    public DataSpec Data { get; init; } = new();

    /// <summary>One named model, or a list of layers.</summary>
    public IReadOnlyList<ComponentSpec> Model { get; init; } = [new("lenet")];

    public ComponentSpec Loss { get; init; } = new("crossEntropy");

    public ComponentSpec Optimizer { get; init; } = new("adam");

    public ComponentSpec Schedule { get; init; } = new("constant");

    public TrainingSpec Training { get; init; } = new();

    public ClusterSpec Cluster { get; init; } = new();

    public CheckpointSpec Checkpoint { get; init; } = new();
}

/// <summary>A component by name with its options: <c>relu</c>, <c>{linear: 10}</c> (one scalar: the first option), <c>{conv2d: {out: 6, kernel: 5}}</c>.</summary>
/// <param name="Name">As in [Named]; unknown names list the nearest match.</param>
/// <param name="Options">A JSON object of named options; or, under the key "", the scalar given for the first option.</param>
public sealed record ComponentSpec(string Name, JsonObject? Options = null);

/// <summary>Which samples: the component that reads them and where.</summary>
public sealed record DataSpec
{
    /// <summary>digits (built in), idx, cifar10, csv.</summary>
    public ComponentSpec Format { get; init; } = new("digits");

    /// <summary>Folder or file, resolved on the workers; empty for built-in data.</summary>
    public string Path { get; init; } = "";

    /// <summary>Subtract the training set's mean and divide by its standard deviation (computed once, in double).</summary>
    public bool Standardize { get; init; } = true;
}

public sealed record TrainingSpec
{
    public int Epochs { get; init; } = 3;

    /// <summary>Samples of a step (the global batch), over all workers.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>M; 0 = the largest power of two &lt;= min(64, batch / 16) (batch / 32 for models with batch normalization), at least 1.</summary>
    public int MicroBatches { get; init; }

    /// <summary>Clip by global norm; 0 = off.</summary>
    public double ClipNorm { get; init; }

    public ulong Seed { get; init; } = 42;

    /// <summary>fp32.</summary>
    public string Precision { get; init; } = "fp32";

    /// <summary>exact: the same bits for any workers, shards, joins and crashes.</summary>
    public string Determinism { get; init; } = "exact";

    /// <summary>Steps between evaluations; 0 = once an epoch.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>skip (the default), halt, or rollback when a step's gradient has NaN or Inf.</summary>
    public string OnNonFinite { get; init; } = "skip";
}

public sealed record ClusterSpec
{
    /// <summary>Workers to start with.</summary>
    public int Workers { get; init; } = 2;

    public int Shards { get; init; } = 2;

    /// <summary>Worker processes of this machine; 0 = worker threads of this process.</summary>
    public int Processes { get; init; }

    /// <summary>Compute threads of one worker; 0 = cores / workers, at least 1.</summary>
    public int ComputeThreads { get; init; }

    /// <summary>auto, cpu, gpu:0.</summary>
    public string Device { get; init; } = "auto";
}

public sealed record CheckpointSpec
{
    /// <summary>Folder of the run's checkpoints; empty = runs/&lt;name&gt;/checkpoints.</summary>
    public string Path { get; init; } = "";

    /// <summary>"1epoch", "500steps", "never" (a last checkpoint is always written).</summary>
    public string Every { get; init; } = "1epoch";

    /// <summary>How many of the newest to keep, beside the best.</summary>
    public int KeepLast { get; init; } = 3;

    /// <summary>testLoss, testAccuracy or none.</summary>
    public string KeepBest { get; init; } = "testLoss";
}
