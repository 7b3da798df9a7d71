using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>
/// The train loss ran away and stays away: infinite, or all of its last evaluations (5 %, three at least) above five times where it began, or above
/// where it began after it had lost a third of it. A spike that recovers is none.
/// </summary>
[Rule(VerdictNames.Diverged, RuleStage.Broken, 1)]
public sealed class Diverged : LossRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Error;

    public override Finding? Judge(Reading reading) => Infinite(reading) ?? RunAway(reading);

    private static Finding? Infinite(Reading reading)
    {
        foreach (var (which, curve) in new[] { ("train", reading.Curves.TrainLoss), ("test", reading.Curves.TestLoss) })
            for (var i = 0; i < curve.Count; i++)
                if (double.IsInfinity(curve.Values[i]))
                    return Say(reading, double.IsInfinity(curve.Values[^1]) ? 1 : 0.9, $"The {which} loss is infinite at step {curve.Steps[i]}.", curve.Steps[i], [Evidence.Of("firstStep", curve.Steps[i], $"first infinite {which} loss at step {curve.Steps[i]}")]);
        return null;
    }

    private static Finding? RunAway(Reading reading)
    {
        if (reading.Train is not { } train || train.Curve.Count < 4) return null;
        var curve = train.Curve;
        var tail = Math.Max(3, curve.Count / 20);
        var lowestLate = double.PositiveInfinity;
        foreach (var value in curve.Values[^tail..]) lowestLate = Math.Min(lowestLate, value);
        var early = train.Start;
        var unit = train.AlwaysPositive ? early : Math.Max(early - train.Lowest, Math.Abs(early));
        var farAbove = lowestLate > early + 4 * unit;
        var lostAll = early - train.Lowest > Math.Max(0.33 * unit, 5 * train.SmoothedNoise) && lowestLate > early && train.LowestStep < curve.Steps[^tail];
        if (!farAbove && !lostAll) return null;
        var since = curve.Count - 1;
        while (since > 0 && curve.Values[since - 1] > early) since--;
        return Say(reading, farAbove ? 0.97 : 0.85,
            farAbove ? $"The train loss ran away: it began at {Evidence.Show(early)} and its last {tail} evaluations are above {Evidence.Show(lowestLate)}."
                : $"The train loss lost all it had learned: it fell from {Evidence.Show(early)} to {Evidence.Show(train.Lowest)} and stands above {Evidence.Show(lowestLate)} now.",
            curve.Steps[since],
            [
                Evidence.Of("start", early, $"train loss at the start {Evidence.Show(early)}"),
                Evidence.Of("lowest", train.Lowest, $"lowest {Evidence.Show(train.Lowest)} at step {Evidence.Show(Math.Round(train.LowestStep))}"),
                Evidence.Of("now", lowestLate, $"the lowest of the last {tail} evaluations is {Evidence.Show(lowestLate)}"),
            ]);
    }

    private static Finding Say(Reading reading, double confidence, string sentence, long since, IReadOnlyList<VerdictEvidence> evidence) => new(confidence, sentence, evidence,
    [
        "Stop the run and go back to a checkpoint before the rise.",
        "Lower the learning rate by 10 times, or warm it up; clip the gradient's norm.",
        "Check the data's scale: standardize the inputs.",
    ])
    {
        Window = new StepWindow(since, Math.Max(since, reading.Window.ToStep)),
    };
}
