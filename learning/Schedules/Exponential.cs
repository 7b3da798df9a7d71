using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>rate = lr·gamma^epoch, epochs counted from 0, after a linear warm-up.  PyTorch's ExponentialLR.</summary>
[Named("exponential")]
public sealed class Exponential(Exponential.Options options) : Schedule
{
    /// <param name="Gamma">What each epoch multiplies the rate by.</param>
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options(
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Gamma = 0.95,
        [property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch) =>
        Warmup.Covers(step, options.WarmupSteps) ? Warmup.Rate(baseRate, step, options.WarmupSteps)
        : baseRate * Scalar64.Power(options.Gamma, (int)Math.Min(int.MaxValue, step / Math.Max(1, stepsPerEpoch)));
}
