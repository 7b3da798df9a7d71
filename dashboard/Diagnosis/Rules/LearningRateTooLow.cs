using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Updates are below 1e-5 of the weights (1e-3 is usual), or the learning rate is 0, while the train loss stands high.</summary>
[Rule(VerdictNames.LearningRateTooLow, RuleStage.Refinement, 4)]
public sealed class LearningRateTooLow : LossRule
{
    private const double SmallRatio = 1e-5;

    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<string> Refines => [VerdictNames.Bottleneck];

    public override string? Lacks(Reading reading) =>
        double.IsNaN(reading.InWindow(reading.Curves.UpdateRatio)) && double.IsNaN(reading.InWindow(reading.Curves.LearningRate)) ? "no update ratio and no learning rate in the window" : null;

    public override Finding? Judge(Reading reading)
    {
        if (reading.Train is null || reading.Train.FallenShare > 0.8) return null;
        var (ratio, rate) = (reading.InWindow(reading.Curves.UpdateRatio), reading.InWindow(reading.Curves.LearningRate));
        if (rate == 0)
            return new Finding(0.95, "The learning rate is 0: nothing is learned.", [Evidence.Of("learningRate", 0, "the learning rate is 0 in the window")], ["Set the learning rate above 0, and check the schedule's end."]);
        if (!(ratio < SmallRatio)) return null;
        return new Finding(0.85, "The learning rate looks too low: an update hardly changes the weights.",
            [Evidence.Of("updateRatio", ratio, $"an update is {Evidence.Show(ratio)} of the weights; 1e-3 is usual, below {Evidence.Show(SmallRatio)} is small")],
            ["Raise the learning rate by 3 to 10 times, or check that its schedule has not ended too early."]);
    }
}
