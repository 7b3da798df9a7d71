using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>
/// The train loss was learning, went back above 1.5 times its lowest and swings there; or shot up at first and rests no lower than it began; or every
/// second evaluation is high and every other low.
/// </summary>
[Rule(VerdictNames.LearningRateTooHigh, RuleStage.Refinement, 3)]
public sealed class LearningRateTooHigh : LossRule
{
    private const int MostPoints = 100;
    private static readonly string[] Advice = ["Lower the learning rate by 10 times, or warm it up and decay it.", "Clip the gradient's norm."];

    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<string> Refines => [VerdictNames.Bottleneck, VerdictNames.WrongSetup];

    public override string? Lacks(Reading reading) => reading.Train is null || reading.Train.Curve.Count < 8 ? "fewer than 8 train losses" : null;

    public override Finding? Judge(Reading reading)
    {
        var train = reading.Train!;
        if (train.Trend.Direction is Direction.Down || train.Trend.Points < 6 || !(train.Scale > 0)) return null;
        // Thinning would average a swing away: look at the last evaluations themselves.
        var window = train.Window;
        var tail = Math.Max(0, window.Count - MostPoints);
        var recent = TrendFit.Of(window.Steps[tail..], window.Values[tail..], train.Matters);
        var noise = recent.Noise / train.Scale;
        var learned = train.Start - train.Lowest > Math.Max(4 * train.SmoothedNoise, 0.1 * train.Scale);
        // Near 0 a loss may be many times its lowest and still have arrived.
        var above = train.AlwaysPositive ? train.Level > 1.5 * train.Lowest && train.Level - train.Lowest > 0.01 * train.Range : train.Level - train.Lowest > 0.33 * train.Range;
        var clearly = train.Level - train.Lowest > 4 * train.SmoothedNoise;
        var cameBack = learned && above && clearly && (noise > 0.05 || train.Level > 3 * train.Lowest);
        // Of n independent residuals chance gives about -1/n +- 1/sqrt(n).
        var zigzag = recent.Swing < -0.45 - 0.9 / Math.Sqrt(recent.Points) && noise > 0.05 && recent.Noise > 0.005 * train.Range;
        var (peak, peakStep) = Peak(train, reading.Window.FromStep);
        var shotUp = train.AlwaysPositive && peak > Math.Max(2 * train.Start, train.Start + 6 * recent.Noise) && peak > 2 * train.Level && train.Level > 0.9 * train.Start;
        if (shotUp)
            return new Finding(0.85, $"The learning rate looks too high: the train loss shot up to {Evidence.Show(peak)} and came to rest without having learned anything.",
                [Evidence.Of("peak", peak, $"train loss {Evidence.Show(train.Start)} at the start, {Evidence.Show(peak)} at step {peakStep}, {Evidence.Show(train.Level)} now")], Advice);
        if (!cameBack && !zigzag) return null;
        return new Finding(cameBack && zigzag ? 0.9 : cameBack ? 0.8 : 0.7,
            cameBack ? "The learning rate looks too high: the train loss went back up from its lowest and stays there." : "The learning rate looks too high: the train loss swings to and fro.",
            [
                Evidence.Of("overLowest", train.Level / train.Lowest, $"train loss {Evidence.Show(train.Level)} is {Evidence.Show(train.Level / train.Lowest)} times its lowest, {Evidence.Show(train.Lowest)} at step {Evidence.Show(Math.Round(train.LowestStep))}"),
                Evidence.Of("swing", recent.Swing, $"neighbouring evaluations correlate by {Evidence.Show(recent.Swing)} and scatter by {Evidence.Percent(noise)}"),
            ],
            Advice);
    }

    private static (double Value, long Step) Peak(SeriesReading train, long before)
    {
        var (peak, at) = (double.NegativeInfinity, 0L);
        for (var i = 0; i < train.Curve.Count && train.Curve.Steps[i] < before; i++)
            if (train.Curve.Values[i] > peak) (peak, at) = (train.Curve.Values[i], train.Curve.Steps[i]);
        return (peak, at);
    }
}
