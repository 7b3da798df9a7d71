using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>rate = lr·(1 - (1 - end)·p), p = the share of the steps after the warm-up that is done.</summary>
[Named("linear")]
public sealed class LinearSchedule(LinearSchedule.Options options) : Schedule
{
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    /// <param name="End">The rate at the end, as a share of lr.</param>
    public sealed record Options([property: Range(0, int.MaxValue)] int WarmupSteps = 0, [property: Range(0.0, 1.0)] double End = 0.0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch)
    {
        if (Warmup.Covers(step, options.WarmupSteps)) return Warmup.Rate(baseRate, step, options.WarmupSteps);
        var done = Math.Min(1.0, (double)(step - options.WarmupSteps) / Math.Max(1, totalSteps - options.WarmupSteps));
        return baseRate * (1.0 - (1.0 - options.End) * done);
    }
}
