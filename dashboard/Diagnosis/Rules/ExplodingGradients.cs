using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>The gradient's norm is not finite, grew a hundredfold, is ten thousand times larger at the first layer than at the last, or has three peaks in the window above ten times their neighbours' median.</summary>
[Rule(VerdictNames.ExplodingGradients, RuleStage.Refinement, 0)]
public sealed class ExplodingGradients : LossRule
{
    private const int Peaks = 3;
    private const double MostSpread = 1e4;

    public override VerdictSeverity Severity => VerdictSeverity.Error;

    public override IReadOnlyList<string> Refines => [VerdictNames.Bottleneck, VerdictNames.WrongSetup];

    public override string? Lacks(Reading reading) => reading.Curves.GradientNorm.Count < 3 ? "fewer than 3 gradient norms" : null;

    public override Finding? Judge(Reading reading)
    {
        var norms = reading.Curves.GradientNorm;
        for (var i = 0; i < norms.Count; i++)
            if (!double.IsFinite(norms.Values[i]))
                return Say(0.95, Evidence.Of("firstStep", norms.Steps[i], $"the gradient norm is {Evidence.Show(norms.Values[i])} at step {norms.Steps[i]}"));
        var (now, early, window) = (reading.InWindow(norms), Reading.Early(norms), norms.Between(reading.Window.FromStep, reading.Window.ToStep));
        if (now > 100 * early && early > 0)
            return Say(0.9, Evidence.Of("gradientNorm", now, $"gradient norm {Evidence.Show(now)} in the window, {Evidence.Show(early)} at the start"));
        var spread = reading.InWindow(reading.Curves.GradientSpread);
        if (spread > MostSpread)
            return Say(0.8, Evidence.Of("gradientSpread", spread, $"the first layer's gradient norm is {Evidence.Show(spread)} times the last layer's; above {Evidence.Show(MostSpread)} is much"));
        var peaks = 0;
        for (var i = 0; i < window.Count; i++)
            if (window.Values[i] > 10 * Statistics.Median(window.Values[Math.Max(0, i - 4)..Math.Min(window.Count, i + 5)])) peaks++;
        return peaks >= Peaks ? Say(0.75, Evidence.Of("peaks", peaks, $"{peaks} of {window.Count} gradient norms in the window are above 10 times the median of their neighbours; their median is {Evidence.Show(now)}")) : null;
    }

    private static Finding Say(double confidence, VerdictEvidence evidence) => new(confidence, "Gradients explode.", [evidence],
        ["Clip the gradient's norm (clipNorm: 1).", "Lower the learning rate, or warm it up; check the initialization's gain."]);
}
