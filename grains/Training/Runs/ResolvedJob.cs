using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A job with every name resolved: what defines its bits (components, numbers, data) and nothing about where it runs.</summary>
public sealed record ResolvedJob
{
    public required string Name { get; init; }

    /// <summary>SHA-256 (lower-case hex) over all that decides the bits; a checkpoint of another identity is refused.</summary>
    public required string Identity { get; init; }

    /// <summary>A text from which a worker process resolves the same job again (the spec as JSON).</summary>
    public string Document { get; init; } = "";

    public required DataSplit Data { get; init; }

    public required ParameterLayout Layout { get; init; }

    /// <summary>The model on a device. Called once for each worker; replicas share nothing.</summary>
    public required Func<Device, IReplica> MakeReplica { get; init; }

    /// <summary>Shares of dead units by layer, for samples [n, input] and weights; null: it cannot tell.</summary>
    public Func<Device, LayerView>? MakeView { get; init; }

    /// <summary>Cuts the model into that many stages of a pipeline; null: it cannot be.</summary>
    public Func<int, ModelStages>? CutStages { get; init; }

    /// <summary>Fills the flat vector (Layout.Length, zeroed) with the initial weights: a pure function of the seed.</summary>
    public required Action<Span<float>> Initialize { get; init; }

    public required Optimizer Optimizer { get; init; }

    public required Schedule Schedule { get; init; }

    /// <summary>Turns sums into the loss; null = the sum is the loss.</summary>
    public Loss? Loss { get; init; }

    public EarlyStop EarlyStop { get; init; } = EarlyStop.Off;

    /// <summary>What is measured of layers, and what verdicts lead to: no part of what decides the bits of a step.</summary>
    public DiagnosisSpec Diagnosis { get; init; } = new();

    /// <summary>The optimizer's lr option, before the schedule.</summary>
    public required double LearningRate { get; init; }

    public required int Epochs { get; init; }

    /// <summary>Samples of a step; the last step of an epoch may have fewer.</summary>
    public required int BatchSize { get; init; }

    /// <summary>M: micro-batches of a step, resolved (at least 1).</summary>
    public required int MicroBatches { get; init; }

    /// <summary>Clip by global norm; 0 = off.</summary>
    public double ClipNorm { get; init; }

    public ulong Seed { get; init; } = 42;

    public Sampling Sampling { get; init; }

    /// <summary>Steps between evaluations; 0 = at the end of every epoch. The last step is always followed by one.</summary>
    public int EvaluateEvery { get; init; }

    public NonFinitePolicy OnNonFinite { get; init; } = NonFinitePolicy.Skip;

    /// <summary>Samples of one evaluation micro-batch: part of the job, never of the cluster.</summary>
    public int EvaluationSamples { get; init; } = 250;

    /// <summary>M of an evaluation, over all test samples.</summary>
    public int EvaluationMicroBatches => (Data.Test.Count + EvaluationSamples - 1) / EvaluationSamples;

    public int StepsPerEpoch => (Data.Train.Count + BatchSize - 1) / BatchSize;

    public long TotalSteps => (long)StepsPerEpoch * Epochs;

    /// <summary>The job as the machines see it, with the key that its identity gives; when to save and how long to wait are the caller's.</summary>
    internal JobPlan Plan(IReadOnlyList<ShardRange> ranges, RunOptions options) => new()
    {
        Name = Name, Key = ulong.Parse(Identity.AsSpan(0, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture), Seed = Seed,
        Samples = Data.Train.Count, BatchSize = BatchSize, MicroBatches = MicroBatches, Epochs = Epochs,
        EvaluationSamples = Data.Test.Count, EvaluationMicroBatches = EvaluationMicroBatches, EvaluateEvery = EvaluateEvery,
        Shards = [.. ranges.Select(r => new ShardPlan(r.FirstBlock, r.BlockCount))], ClipNorm = ClipNorm, OnNonFinite = OnNonFinite,
        CheckpointEvery = options.CheckpointEvery, Identity = new PlanIdentity(Identity, ManifestFile.LayoutHash(Layout), Data.Train.Identity.Sha256),
    };

    /// <summary>Real samples of a step.</summary>
    public int SamplesOf(long step)
    {
        var within = (int)(step % StepsPerEpoch);
        return Math.Min(BatchSize, Data.Train.Count - within * BatchSize);
    }

    /// <summary>Data set index of sample <paramref name="position"/> of a step.</summary>
    public int SampleAt(long step, int position) =>
        Data.Train.Lanes > 0 ? (int)(step % StepsPerEpoch * BatchSize) + position
        : new SampleOrder(Sampling, Seed, step / StepsPerEpoch, Data.Train.Count)[step % StepsPerEpoch * BatchSize + position];

    /// <summary>Whether an evaluation follows step <paramref name="step"/> (0-based).</summary>
    public bool EvaluatesAfter(long step) =>
        step + 1 == TotalSteps || (step + 1) % (EvaluateEvery > 0 ? EvaluateEvery : StepsPerEpoch) == 0;
}
