using System.Globalization;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The job's schedule, loss and optimizer as the scheduler sees them; and what they make of committed evaluations.</summary>
internal sealed class StepRule(ResolvedJob job) : IStepRule
{
    public double LearningRate(long step) => LearningRate(step, EvaluationTrend.None);

    public double LearningRate(long step, in EvaluationTrend trend) => job.Schedule.Rate(job.LearningRate, step, job.TotalSteps, job.StepsPerEpoch, ProgressOf(trend));

    public int Scalars(long update, double learningRate, Span<float> scalars) => job.Optimizer.Scalars(update, learningRate, scalars);

    public (double Loss, double Factor) Finish(double loss, double weight) => job.Loss?.Finish(loss, weight) ?? (loss, 1.0);

    public float Coefficient(double norm, double clip, double factor) => Clipping.Coefficient(norm, clip, factor);

    public double SumOfSquares(double main, double cross, double sides, double factor) => SideRule.SumOfSquares(main, cross, sides, factor);

    public int LabelsPerSample { get; } = job.Data.Train.TargetKind == TargetKind.Labels ? Math.Max(1, job.Data.Train.TargetShape.Length) : 1;

    public EvaluationTrend Follow(in EvaluationTrend trend, in EvaluationRecord evaluation) => Follow(trend, evaluation.MeanLoss, evaluation.Accuracy);

    /// <summary>One more committed evaluation.</summary>
    public EvaluationTrend Follow(in EvaluationTrend trend, double testLoss, double testAccuracy)
    {
        var progress = job.Schedule.Follow(ProgressOf(trend), testLoss, testAccuracy);
        var next = trend with { Scale = progress.Scale, Best = progress.Best, Bad = progress.Bad, Cooldown = progress.Cooldown };
        if (job.EarlyStop.Patience == 0) return next;
        var figure = WatchedFigure.Of(job.EarlyStop.Watch, testLoss, testAccuracy);
        return WatchedFigure.Improves(figure, trend.StopBest, job.EarlyStop.MinDelta) ? next with { StopBest = figure, StopBad = 0 } : next with { StopBad = trend.StopBad + 1 };
    }

    public string? Stops(in EvaluationTrend trend) =>
        job.EarlyStop.Patience == 0 || trend.StopBad < job.EarlyStop.Patience ? null
        : string.Create(CultureInfo.InvariantCulture, $"stopped early: {trend.StopBad} evaluations in a row were no better than the best {(job.EarlyStop.Watch == Watched.TestLoss ? $"test loss, {trend.StopBest:G6}" : $"test accuracy, {-trend.StopBest:P2}")}");

    private static Progress ProgressOf(in EvaluationTrend trend) => new(trend.Scale, trend.Best, trend.Bad, trend.Cooldown);
}
