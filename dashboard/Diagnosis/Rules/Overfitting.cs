using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>
/// Rule 2. Train down, test flat: over-fitting; worse where the test loss rises, whether the train loss still falls or has nowhere left to fall.
/// Also once both rest, if the train loss had gone on falling without the test loss.
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
        var sentence = reading.Cell switch
        {
            { Train: Direction.Down, Test: Direction.Flat } => "The network over-fits: the train loss falls, the test loss does not follow.",
            { Train: Direction.Down } => "The network over-fits: the train loss falls while the test loss rises.",
            { Test: Direction.Up } => "The network over-fits: the test loss rises, and the train loss no longer falls.",
            _ => "The network has over-fitted: both losses rest now, after the train loss had gone on falling without the test loss.",
        };
        return new Finding(reading.CellConfidence * (RanItsCourse(reading) ? 0.9 : 1), sentence,
            Evidence.OfTrends(reading, Evidence.Of("bestStep", test.LowestStep, $"best test loss {Evidence.Show(test.Lowest)} at step {Evidence.Show(Math.Round(test.LowestStep))}; the train loss went from {Evidence.Show(train.At(test.LowestStep))} there to {Evidence.Show(train.Level)}")),
            [
                $"Take the checkpoint of step {Evidence.Show(Math.Round(test.LowestStep))}, where the test loss was lowest, and stop early.",
                "More data or augmentation; weight decay, dropout; a smaller network.",
            ]);
    }
}
