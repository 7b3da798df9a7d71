using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>
/// Both flat, and nothing left to gain: the train loss has gone four fifths of its way to 0 with the test loss near it, or 98 % of the answers are
/// right, or the learning rate has already been lowered to a hundredth.
/// </summary>
[Rule(VerdictNames.Converged, RuleStage.Refinement, 5)]
public sealed class Converged : LossRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Ok;

    public override IReadOnlyList<string> Refines => [VerdictNames.Bottleneck];

    public override string? Lacks(Reading reading) => reading.Train is null || reading.Test is null ? "no train or no test loss" : null;

    public override Finding? Judge(Reading reading)
    {
        var (train, test) = (reading.Train!, reading.Test!);
        if (reading.Cell != new Cell(Direction.Flat, Direction.Flat) || Overfitting.RanItsCourse(reading)) return null;
        var accuracy = reading.InWindow(reading.Curves.Accuracy);
        var (rate, highest) = (reading.InWindow(reading.Curves.LearningRate), Highest(reading.Curves.LearningRate));
        var evidence = new List<VerdictEvidence>();
        if (train.FallenShare >= 0.8 && test.FallenShare >= 0.6) evidence.Add(Evidence.Of("fallen", train.FallenShare, $"the train loss fell by {Evidence.Percent(train.FallenShare)} of its start, the test loss by {Evidence.Percent(test.FallenShare)}"));
        if (accuracy >= 0.98) evidence.Add(Evidence.Of("accuracy", accuracy, $"accuracy {Evidence.Percent(accuracy)}"));
        var fell = train.Start - train.Level > Math.Max(5 * train.SmoothedNoise, 0.1 * train.Scale);
        if (rate > 0 && rate <= 0.01 * highest && fell) evidence.Add(Evidence.Of("learningRate", rate, $"the learning rate is {Evidence.Show(rate)}, a hundredth or less of {Evidence.Show(highest)}: lowering it further gains nothing"));
        if (evidence.Count == 0) return null;
        return new Finding(reading.CellConfidence * Math.Min(0.95, 0.7 + 0.1 * evidence.Count), "The run has converged: both losses rest at a low level.", evidence,
            ["Stop here and keep the best checkpoint; a larger network or more data may go lower."]);
    }

    private static double Highest(Curve curve)
    {
        var highest = double.NaN;
        foreach (var value in curve.Finite().Values) highest = double.IsNaN(highest) ? value : Math.Max(highest, value);
        return highest;
    }
}
