using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>The gradient's norm is below 1e-7, or below a thousandth of what it was, while the train loss still stands high.</summary>
[Rule(VerdictNames.VanishingGradients, RuleStage.Refinement, 1)]
public sealed class VanishingGradients : LossRule
{
    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<string> Refines => [VerdictNames.Bottleneck];

    public override string? Lacks(Reading reading) => double.IsNaN(reading.InWindow(reading.Curves.GradientNorm)) ? "no gradient norm in the window" : null;

    public override Finding? Judge(Reading reading)
    {
        // A loss near 0 has no gradient left to give: that is the end, not a fault.
        if (reading.Train is null || reading.Train.FallenShare > 0.8) return null;
        var (now, early) = (reading.InWindow(reading.Curves.GradientNorm), Reading.Early(reading.Curves.GradientNorm));
        if (!(now < 1e-7 || now < 1e-3 * early)) return null;
        return new Finding(0.85, "Gradients vanish: the loss is high and its gradient is nearly 0.",
            [Evidence.Of("gradientNorm", now, $"gradient norm {Evidence.Show(now)} in the window, {Evidence.Show(early)} at the start")],
            ["Use ReLU in place of sigmoid or tanh, Kaiming or Xavier initialization, normalization layers or residual connections.", "Standardize the inputs; lower the learning rate if units have saturated."]);
    }
}
