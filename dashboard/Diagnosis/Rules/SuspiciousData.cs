using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Rule 3. Train flat, test down: the data set is suspicious. So it is where the train loss even rises while the test loss falls.</summary>
[Rule(VerdictNames.SuspiciousData, RuleStage.Table, 2)]
public sealed class SuspiciousData : CellRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<Cell> Cells => [new(Direction.Flat, Direction.Down), new(Direction.Up, Direction.Down)];

    protected override bool Yields(Reading reading) => Learning.LearnsLate(reading);

    protected override Finding Describe(Reading reading) => new(reading.CellConfidence,
        reading.Cell.Train is Direction.Up ? "The data set is suspicious: the test loss falls while the train loss rises." : "The data set is suspicious: the test loss falls while the train loss does not.",
        Evidence.OfTrends(reading),
        [
            "Check the data set: samples that stand in both sets, mixed-up sets, labels, an easier test set.",
            "Check how the train loss is measured: in evaluation mode, without dropout and augmentation, on a fixed subset.",
        ]);
}
