using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>rate = lr·gamma^(milestones that are behind), after a linear warm-up; milestones are epochs, counted from 0.  PyTorch's MultiStepLR.</summary>
[Named("multiStep")]
public sealed class MultiStep(MultiStep.Options options) : Schedule
{
    /// <param name="Milestones">Epochs at which the rate drops; not given: after a half and three quarters of the job.</param>
    /// <param name="Gamma">What a drop multiplies the rate by.</param>
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options(
        [property: Range(1, int.MaxValue)] IReadOnlyList<int>? Milestones = null,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Gamma = 0.1,
        [property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch)
    {
        if (Warmup.Covers(step, options.WarmupSteps)) return Warmup.Rate(baseRate, step, options.WarmupSteps);
        var behind = options.Milestones is { } given ? given.Count(epoch => epoch <= step / Math.Max(1, stepsPerEpoch)) : step < totalSteps / 2 ? 0 : step < totalSteps * 3 / 4 ? 1 : 2;
        return baseRate * Scalar64.Power(options.Gamma, behind);
    }
}
