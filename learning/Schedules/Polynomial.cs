using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>rate = end·lr + (1 - end)·lr·(1 - p)^power, p = the share of the steps after the warm-up that is done.  As in DeepLab (Chen et al. 2018, arXiv:1606.00915: power 0.9).</summary>
[Named("polynomial")]
public sealed class Polynomial(Polynomial.Options options) : Schedule
{
    /// <param name="Power">1 = a straight line.</param>
    /// <param name="End">The rate at the end, as a share of lr.</param>
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options(
        [property: Range(0.0, 10.0, MinimumIsExclusive = true)] double Power = 0.9,
        [property: Range(0.0, 1.0)] double End = 0.0,
        [property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch)
    {
        if (Warmup.Covers(step, options.WarmupSteps)) return Warmup.Rate(baseRate, step, options.WarmupSteps);
        var done = Math.Min(1.0, (double)(step - options.WarmupSteps) / Math.Max(1, totalSteps - options.WarmupSteps));
        return baseRate * (options.End + (1.0 - options.End) * Scalar64.Power(1.0 - done, options.Power));
    }
}
