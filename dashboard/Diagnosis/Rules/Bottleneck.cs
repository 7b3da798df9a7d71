using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Rule 4. Both flat: learning has met a bottleneck; lower the learning rate or the batch size.</summary>
[Rule(VerdictNames.Bottleneck, RuleStage.Table, 3)]
public sealed class Bottleneck : CellRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<Cell> Cells => [new(Direction.Flat, Direction.Flat)];

    protected override bool Yields(Reading reading) => Overfitting.RanItsCourse(reading);

    protected override Finding Describe(Reading reading) => new(reading.CellConfidence,
        "Learning has met a bottleneck: neither loss moves any more.", Evidence.OfTrends(reading),
        [
            "Lower the learning rate or the batch size.",
            "If neither helps: check that the learning rate is not 0, that gradients reach the first layer, and the initialization; then a larger network.",
        ]);
}
