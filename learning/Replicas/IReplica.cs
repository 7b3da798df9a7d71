using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Which samples a pass runs on and what its randomness is keyed by.</summary>
/// <param name="seed">The job's seed.</param>
/// <param name="step">The global step, 0-based.</param>
/// <param name="stepSamples">Real samples of the whole step (n): backward is seeded with 1/n.</param>
/// <param name="segments">The micro-batches of this pass, by sample counts from 0.</param>
/// <param name="sampleIndexes">Data set index of each sample of this pass; length Segments.Samples.</param>
/// <param name="epoch">From 0; what augmentations are keyed by.</param>
public readonly ref struct Pass(ulong seed, long step, int stepSamples, Segments segments, ReadOnlySpan<int> sampleIndexes, long epoch = 0)
{
    public ulong Seed { get; } = seed;
    public long Step { get; } = step;
    public long Epoch { get; } = epoch;
    public int StepSamples { get; } = stepSamples;
    public Segments Segments { get; } = segments;
    public ReadOnlySpan<int> SampleIndexes { get; } = sampleIndexes;
}

/// <summary>What an evaluation pass over some samples found: sums, to be folded by the caller's tree.</summary>
/// <param name="Weight">Sum of the weights of a loss that has weights of its own, else 0.</param>
public readonly record struct EvaluationSum(double Loss, long Correct, long Samples, double Weight = 0);

/// <summary>A model on one device: it turns samples and weights into the gradient of one tree node. Shapes are recorded at first use and replayed; the steady state allocates nothing.</summary>
public interface IReplica : IDisposable
{
    Device Device { get; }

    ParameterLayout Layout { get; }

    /// <summary>Forward and backward over the pass's samples; <paramref name="gradient"/> (Layout.Length elements) is overwritten with the node's folded gradient, moments and metrics.</summary>
    void Gradient(in Pass pass, View weights, View gradient);

    /// <summary>Evaluation mode (running statistics, no dropout) over the samples of one micro-batch: summed, not averaged, loss.</summary>
    EvaluationSum Evaluate(Dataset data, ReadOnlySpan<int> sampleIndexes, View weights);

    /// <summary>Evaluation-mode outputs [samples, outputs] for inputs given on the host.</summary>
    void Predict(ReadOnlySpan<float> inputs, int samples, View weights, Span<float> outputs);
}
