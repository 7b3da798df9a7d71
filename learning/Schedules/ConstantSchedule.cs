using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>rate = lr, after a linear warm-up.</summary>
[Named("constant")]
public sealed class ConstantSchedule(ConstantSchedule.Options options) : Schedule
{
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options([property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch) =>
        Warmup.Covers(step, options.WarmupSteps) ? Warmup.Rate(baseRate, step, options.WarmupSteps) : baseRate;
}
