using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>rate = lr·√(warmupSteps / (step + 1)) once the linear warm-up is over.  Vaswani et al. 2017, arXiv:1706.03762, section 5.3; lr is the largest rate.</summary>
[Named("inverseRoot")]
public sealed class InverseRoot(InverseRoot.Options options) : Schedule
{
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate; the fall counts from there.</param>
    public sealed record Options([property: Range(1, int.MaxValue)] int WarmupSteps = 4000);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch) =>
        Warmup.Covers(step, options.WarmupSteps) ? Warmup.Rate(baseRate, step, options.WarmupSteps)
        : baseRate * Math.Sqrt(options.WarmupSteps / (step + 1.0));
}
