using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>rate = lr·gamma^⌊epoch / every⌋, after a linear warm-up; epochs count from 0.</summary>
[Named("step")]
public sealed class StepSchedule(StepSchedule.Options options) : Schedule
{
    /// <param name="Every">Epochs between drops.</param>
    /// <param name="Gamma">What a drop multiplies the rate by.</param>
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options(
        [property: Range(1, int.MaxValue)] int Every = 1,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Gamma = 0.1,
        [property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch) =>
        Warmup.Covers(step, options.WarmupSteps) ? Warmup.Rate(baseRate, step, options.WarmupSteps)
        : baseRate * Scalar64.Power(options.Gamma, (int)Math.Min(int.MaxValue, step / Math.Max(1, stepsPerEpoch) / options.Every));
}
