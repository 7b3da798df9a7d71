using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Rule 5. Both up: wrong structure, wrong hyper-parameters, or data that were not cleaned. So it is where training makes the train loss alone worse.</summary>
[Rule(VerdictNames.WrongSetup, RuleStage.Table, 4)]
public sealed class WrongSetup : CellRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Error;

    public override IReadOnlyList<Cell> Cells => [new(Direction.Up, Direction.Up), new(Direction.Up, Direction.Flat)];

    protected override Finding Describe(Reading reading) => new(reading.CellConfidence,
        reading.Cell.Test is Direction.Up ? "Something is set up wrongly: train and test loss both rise." : "Something is set up wrongly: training makes the train loss rise.",
        Evidence.OfTrends(reading),
        [
            "Check the hyper-parameters, the learning rate first: lower it by 10 times.",
            "Check the network's structure and its loss: the last layer, the sign, the reduction.",
            "Clean the data: wrong labels, broken samples, inputs that are not standardized.",
        ]);
}
