using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// rate = max(minimum, lr·gammaᵏ), k = how often patience ran out: after more than patience evaluations in a row that were not better than the best by minDelta,
/// as PyTorch's ReduceLROnPlateau with threshold_mode abs. It acts from committed evaluations, so the steps in between do not matter.
/// </summary>
[Named("reduceOnPlateau")]
public sealed class ReduceOnPlateau(ReduceOnPlateau.Options options) : Schedule
{
    /// <param name="Patience">Evaluations without progress that are let pass.</param>
    /// <param name="Gamma">What the rate is multiplied by when patience runs out.</param>
    /// <param name="Watch">Which figure is watched.</param>
    /// <param name="MinDelta">How much better counts as better.</param>
    /// <param name="Cooldown">Evaluations after a reduction that do not count.</param>
    /// <param name="Minimum">Lowest rate.</param>
    /// <param name="WarmupSteps">Steps at the start with a linearly growing rate.</param>
    public sealed record Options(
        [property: Range(0, int.MaxValue)] int Patience = 10,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)] double Gamma = 0.1,
        Watched Watch = Watched.TestLoss,
        [property: Range(0.0, 1e6)] double MinDelta = 1e-4,
        [property: Range(0, int.MaxValue)] int Cooldown = 0,
        [property: Range(0.0, 1e6)] double Minimum = 0.0,
        [property: Range(0, int.MaxValue)] int WarmupSteps = 0);

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch) =>
        Warmup.Covers(step, options.WarmupSteps) ? Warmup.Rate(baseRate, step, options.WarmupSteps) : baseRate;

    public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch, in Progress progress)
    {
        var rate = Rate(baseRate, step, totalSteps, stepsPerEpoch);
        return progress.Scale == 1.0 ? rate : Math.Max(options.Minimum, rate * progress.Scale);
    }

    public override Progress Follow(in Progress progress, double testLoss, double testAccuracy)
    {
        var figure = WatchedFigure.Of(options.Watch, testLoss, testAccuracy);
        var better = WatchedFigure.Improves(figure, progress.Best, options.MinDelta);
        var next = better ? progress with { Best = figure, Bad = 0 } : progress with { Bad = progress.Bad + 1 };
        if (next.Cooldown > 0) next = next with { Bad = 0, Cooldown = next.Cooldown - 1 };
        return next.Bad > options.Patience ? next with { Scale = next.Scale * options.Gamma, Bad = 0, Cooldown = options.Cooldown } : next;
    }
}
