namespace DistTrain.Protocol;

/// <summary>What the committed evaluations add up to, for rules that act on results; a pure function of them, kept with the job's position and saved with it.</summary>
/// <remarks>The host's <see cref="IStepRule"/> gives the numbers their meaning; the scheduler only folds them.</remarks>
public readonly record struct EvaluationTrend
{
    public static readonly EvaluationTrend None = new() { Scale = 1, Best = double.PositiveInfinity, StopBest = double.PositiveInfinity };

    /// <summary>What a schedule that waits for progress multiplies its rate by.</summary>
    public double Scale { get; init; }

    /// <summary>The best figure that schedule has seen.</summary>
    public double Best { get; init; }

    /// <summary>Evaluations since then that were no better.</summary>
    public int Bad { get; init; }

    /// <summary>Evaluations that it still lets pass.</summary>
    public int Cooldown { get; init; }

    /// <summary>The best figure that early stopping has seen.</summary>
    public double StopBest { get; init; }

    /// <summary>Evaluations since then that were no better.</summary>
    public int StopBad { get; init; }
}
