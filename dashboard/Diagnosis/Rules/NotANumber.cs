using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>A loss that is not a number, now or once: whatever the curve looks like otherwise, a number of the run was lost.</summary>
[Rule(VerdictNames.NotANumber, RuleStage.Broken, 0)]
public sealed class NotANumber : LossRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Error;

    public override Finding? Judge(Reading reading)
    {
        var (train, test) = (Look(reading.Curves.TrainLoss), Look(reading.Curves.TestLoss));
        if (train.Count + test.Count == 0) return null;
        var which = train.Count == 0 || test.Count > 0 && test.First < train.First ? "test" : "train";
        var first = which == "train" ? train : test;
        var still = train.Last || test.Last;
        return new Finding(
            still ? 1 : 0.9,
            still ? $"The {which} loss is not a number since step {first.First}." : $"The {which} loss was not a number at step {first.First}, and is finite again now.",
            [
                Evidence.Of("firstStep", first.First, $"first NaN in the {which} loss at step {first.First}"),
                Evidence.Of("nanValues", train.Count + test.Count, $"{train.Count} of {reading.Curves.TrainLoss.Count} train losses and {test.Count} of {reading.Curves.TestLoss.Count} test losses are NaN"),
            ],
            [
                "Stop the run and go back to the last checkpoint before that step.",
                "Lower the learning rate, and clip the gradient's norm.",
                "Look for broken samples (NaN, infinite or constant columns) and for log or division of 0 in the loss.",
            ])
        {
            Window = new StepWindow(first.First, reading.Curves.TrainLoss.Count + reading.Curves.TestLoss.Count > 0 ? LastStep(reading.Curves) : first.First),
        };
    }

    private static long LastStep(TrainingCurves curves) =>
        Math.Max(curves.TrainLoss.Count > 0 ? curves.TrainLoss.Steps[^1] : long.MinValue, curves.TestLoss.Count > 0 ? curves.TestLoss.Steps[^1] : long.MinValue);

    private static (int Count, long First, bool Last) Look(Curve curve)
    {
        var (count, first) = (0, long.MaxValue);
        for (var i = 0; i < curve.Count; i++)
            if (double.IsNaN(curve.Values[i]) && count++ == 0) first = curve.Steps[i];
        return (count, first, curve.Count > 0 && double.IsNaN(curve.Values[^1]));
    }
}
