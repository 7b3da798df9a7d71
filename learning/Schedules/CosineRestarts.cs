using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>rate = end·lr + (1 - end)·lr·(1 + cos(π·p)) / 2, p the share of the current period that is done; every period is longer than the one before by a factor.  Loshchilov, Hutter 2017, arXiv:1608.03983; PyTorch's CosineAnnealingWarmRestarts.</summary>
[Named("cosineRestarts")]
public sealed class CosineRestarts(CosineRestarts.Options options) : Schedule
{
    /// <param name="Period">Epochs of the first period.</param>
    /// <param name="Factor">How much longer each period is than the one before.</param>
    /// <param name="End">The rate at the end of a period, as a share of lr.</param>
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options(
        [property: Range(1, int.MaxValue)] int Period = 10,
        [property: Range(1, 100)] int Factor = 1,
        [property: Range(0.0, 1.0)] double End = 0.0,
        [property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch)
    {
        if (Warmup.Covers(step, options.WarmupSteps)) return Warmup.Rate(baseRate, step, options.WarmupSteps);
        var (within, period) = ((double)(step - options.WarmupSteps), (double)options.Period * Math.Max(1, stepsPerEpoch));
        if (options.Factor == 1) within -= Math.Floor(within / period) * period;
        for (; within >= period; period *= options.Factor) within -= period;
        return baseRate * (options.End + (1.0 - options.End) * 0.5 * (1.0 + Scalar64.Cos(Math.PI * within / period)));
    }
}
