using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Too few evaluations, or too few for their noise: a loss is flat only where a change of a third of it would have shown.</summary>
[Rule(VerdictNames.InsufficientData, RuleStage.Data, 0)]
public sealed class InsufficientData : LossRule
{
    private const double MostHidden = 0.33;

    public override VerdictSeverity Severity => VerdictSeverity.Unknown;

    public override Finding? Judge(Reading reading)
    {
        var reasons = new List<VerdictEvidence>();
        Look(reasons, "train", reading.Train);
        Look(reasons, "test", reading.Test);
        if (reasons.Count == 0) return null;
        return new Finding(1, $"There is too little data to read: {string.Join("; ", reasons.Select(r => r.Text))}.", reasons,
            reasons.Exists(r => r.Name.EndsWith("Noise", StringComparison.Ordinal))
                ? ["Wait for more evaluations, or evaluate on more samples: noise falls with the root of their number.", "Record both losses on a fixed subset each."]
                : [$"Wait for {Reading.FewestEvaluations} evaluations at least, or evaluate more often.", "Record train_loss and test_loss both, on a fixed subset each."]);
    }

    private static void Look(List<VerdictEvidence> reasons, string which, SeriesReading? series)
    {
        var have = series?.Curve.Count ?? 0;
        if (have < Reading.FewestEvaluations)
            reasons.Add(Evidence.Of($"{which}Evaluations", have, have == 0 ? $"no {which} loss" : $"{have} {which} {(have == 1 ? "loss" : "losses")}, {Reading.FewestEvaluations} are needed"));
        else if (series!.Window.Count < 4)
            reasons.Add(Evidence.Of($"{which}InWindow", series.Window.Count, $"{series.Window.Count} of {have} {which} losses lie in the steps that both losses cover lately, 4 are needed"));
        else if (series.Curve.Steps[0] == series.Curve.Steps[^1])
            reasons.Add(Evidence.Of($"{which}Steps", 1, $"all {have} {which} losses are of step {series.Curve.Steps[0]}"));
        // A loss that goes to and fro from one evaluation to the next does not scatter: that has a verdict of its own.
        else if (series.Trend is { Direction: Direction.Flat } trend && series.Scale > 0 && trend.Swing > -0.45 - 0.9 / Math.Sqrt(trend.Points) && series.MayHide > MostHidden * Math.Max(series.Scale, series.Range))
            reasons.Add(Evidence.Of($"{which}Noise", trend.Noise / series.Scale, $"{trend.Points} {which} losses that scatter by {Evidence.Percent(trend.Noise / series.Scale)} may hide a change of {Evidence.Percent(series.MayHide / series.Scale)}"));
    }
}
