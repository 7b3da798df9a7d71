namespace DistTrain.Learning;

/// <summary>What a schedule that acts on evaluations remembers of them.</summary>
/// <param name="Scale">What the rate is multiplied by.</param>
/// <param name="Best">The best figure so far; lower is better.</param>
/// <param name="Bad">Evaluations since then that were no better.</param>
/// <param name="Cooldown">Evaluations that are still let pass.</param>
public readonly record struct Progress(double Scale, double Best, int Bad, int Cooldown)
{
    public static readonly Progress None = new(1.0, double.PositiveInfinity, 0, 0);
}

/// <summary>Which figure of an evaluation is watched.</summary>
public enum Watched
{
    /// <summary>Mean loss: lower is better.</summary>
    TestLoss,

    /// <summary>Share of correct predictions: higher is better.</summary>
    TestAccuracy,
}

/// <summary>Figures as they are compared.</summary>
public static class WatchedFigure
{
    /// <summary>Lower is better.</summary>
    public static double Of(Watched watched, double loss, double accuracy) => watched == Watched.TestLoss ? loss : -accuracy;

    /// <summary>Better than the best by more than <paramref name="minDelta"/>; NaN never is.</summary>
    public static bool Improves(double figure, double best, double minDelta) => figure < best - minDelta;
}
