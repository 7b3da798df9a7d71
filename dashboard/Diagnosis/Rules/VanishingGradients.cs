using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>The gradient's norm is below 1e-7, or below a thousandth of what it was, or the first layer's below 1e-5 of the last one's, while the train loss still stands high.</summary>
[Rule(VerdictNames.VanishingGradients, RuleStage.Refinement, 1)]
public sealed class VanishingGradients : LossRule
{
    private const double LeastSpread = 1e-5;

    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<string> Refines => [VerdictNames.Bottleneck];

    public override string? Lacks(Reading reading) => double.IsNaN(reading.InWindow(reading.Curves.GradientNorm)) ? "no gradient norm in the window" : null;

    public override Finding? Judge(Reading reading)
    {
        // A loss near 0 has no gradient left to give: that is the end, not a fault.
        if (reading.Train is null || reading.Train.FallenShare > 0.8) return null;
        var (now, early) = (reading.InWindow(reading.Curves.GradientNorm), Reading.Early(reading.Curves.GradientNorm));
        var spread = reading.InWindow(reading.Curves.GradientSpread);
        if (spread < LeastSpread)
            return new Finding(0.85, "Gradients vanish on their way back: the first layer hardly learns.",
                [Evidence.Of("gradientSpread", spread, $"the first layer's gradient norm is {Evidence.Show(spread)} of the last layer's; below {Evidence.Show(LeastSpread)} is little")], Advice);
        if (!(now < 1e-7 || now < 1e-3 * early)) return null;
        return new Finding(0.85, "Gradients vanish: the loss is high and its gradient is nearly 0.",
            [Evidence.Of("gradientNorm", now, $"gradient norm {Evidence.Show(now)} in the window, {Evidence.Show(early)} at the start")],
            Advice);
    }

    private static readonly string[] Advice =
    [
        "Use ReLU in place of sigmoid or tanh, Kaiming or Xavier initialization, normalization layers or residual connections.",
        "Standardize the inputs; lower the learning rate if units have saturated.",
    ];
}
