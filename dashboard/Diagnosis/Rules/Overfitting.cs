using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>
/// Rule 2. Train down, test flat: over-fitting; worse where the test loss rises, whether the train loss still falls or has nowhere left to fall.
/// Also once both rest, if the train loss had gone on falling without the test loss. As long as it costs nothing (the test loss is as good as it ever was,
/// and so are the answers) it is no reason to act, only one to stop.
/// </summary>
[Rule(VerdictNames.Overfitting, RuleStage.Table, 1)]
public sealed class Overfitting : CellRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<Cell> Cells => [new(Direction.Down, Direction.Flat), new(Direction.Down, Direction.Up), new(Direction.Flat, Direction.Up)];

    protected override bool Overrules(Reading reading) => RanItsCourse(reading);

    internal static bool RanItsCourse(Reading reading) => reading.Cell == new Cell(Direction.Flat, Direction.Flat) && History.Overfitted(reading);

    protected override Finding Describe(Reading reading)
    {
        var (train, test) = (reading.Train!, reading.Test!);
        var accuracy = reading.Curves.Accuracy.Finite();
        var free = CostsNothing(reading, accuracy);
        var sentence = reading.Cell switch
        {
            _ when free => "Nothing is left to learn from these samples: the train loss falls on, the test loss no longer follows it. So far that costs nothing.",
            { Train: Direction.Down, Test: Direction.Flat } => "The network over-fits: the train loss falls, the test loss does not follow.",
            { Train: Direction.Down } => "The network over-fits: the train loss falls while the test loss rises.",
            { Test: Direction.Up } => "The network over-fits: the test loss rises, and the train loss no longer falls.",
            _ => "The network has over-fitted: both losses rest now, after the train loss had gone on falling without the test loss.",
        };
        return new Finding(reading.CellConfidence * (RanItsCourse(reading) ? 0.9 : 1), sentence,
            Evidence.OfTrends(reading, Evidence.Of("bestStep", test.BestStep, $"best test loss {Evidence.Show(test.Best)} at step {test.BestStep}; the train loss went from {Evidence.Show(train.At(test.BestStep))} there to {Evidence.Show(train.Level)}")),
            free ? [$"Stop here, or keep the checkpoint of step {test.BestStep}; more training only fits the training samples closer.", "To go lower: more data or augmentation."] :
            [
                $"Take the checkpoint of step {test.BestStep}, where the test loss was lowest, and stop early.",
                "More data or augmentation; weight decay, dropout; a smaller network.",
            ]) { Severity = free ? VerdictSeverity.Ok : null };
    }

    /// <summary>The test loss is low (nine tenths of the way from the first loss to 0) and near its lowest, and the answers are as right as they ever were.</summary>
    private static bool CostsNothing(Reading reading, Curve accuracy)
    {
        var (train, test) = (reading.Train!, reading.Test!);
        // The last few, not the window's middle: of a dozen evaluations the window is nearly all.
        var now = Statistics.Median(test.Curve.Values[^Math.Min(test.Curve.Count, 3)..]);
        if (!test.AlwaysPositive || now > 0.1 * Math.Max(test.Start, train.Start) || now - test.Best > 0.03 * test.Range || now - train.Level > 0.1 * train.Range) return false;
        if (accuracy.Count == 0) return true;
        var best = 0.0;
        foreach (var value in accuracy.Values) best = Math.Max(best, value);
        return reading.InWindow(accuracy) >= best - 0.01;
    }
}
