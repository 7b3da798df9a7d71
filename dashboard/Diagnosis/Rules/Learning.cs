using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Rule 1. Train down, test down: the network is learning.</summary>
[Rule(VerdictNames.Learning, RuleStage.Table, 0)]
public sealed class Learning : CellRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Ok;

    public override IReadOnlyList<Cell> Cells => [new(Direction.Down, Direction.Down)];

    protected override bool Overrules(Reading reading) => LearnsLate(reading);

    internal static bool LearnsLate(Reading reading) => reading.Cell == new Cell(Direction.Flat, Direction.Down) && History.LearnsLate(reading);

    protected override Finding Describe(Reading reading)
    {
        var late = LearnsLate(reading);
        return new Finding(reading.CellConfidence,
            late ? "The network learns late: the train loss has long been low, and the test loss falls after a plateau." : "The network is learning: train and test loss both fall.",
            Evidence.OfTrends(reading), [late ? "Let it run on while the test loss falls." : "Let it run on."]);
    }
}
