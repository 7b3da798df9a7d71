using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>rate = lr / (1 + decay·t)^power, t the steps after the warm-up: a rate that falls with the iteration.  Robbins, Monro 1951: power in (1/2, 1] converges on noisy gradients.</summary>
[Named("inverseTime")]
public sealed class InverseTime(InverseTime.Options options) : Schedule
{
    /// <param name="Decay">How fast it falls, for each step.</param>
    /// <param name="Power">1 = hyperbola, 1/2 = inverse root.</param>
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6)] double Decay = 1e-3,
        [property: Range(0.0, 10.0)] double Power = 1.0,
        [property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch) =>
        Warmup.Covers(step, options.WarmupSteps) ? Warmup.Rate(baseRate, step, options.WarmupSteps)
        : baseRate / Scalar64.Power(1.0 + options.Decay * (step - options.WarmupSteps), options.Power);
}
