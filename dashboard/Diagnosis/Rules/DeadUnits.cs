using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>More than half of the units are zero on every sample.</summary>
[Rule(VerdictNames.DeadUnits, RuleStage.Refinement, 2)]
public sealed class DeadUnits : LossRule
{
    private const double Many = 0.5;

    public override VerdictSeverity Severity => VerdictSeverity.Warn;

    public override IReadOnlyList<string> Refines => [VerdictNames.Bottleneck];

    public override string? Lacks(Reading reading) => double.IsNaN(reading.InWindow(reading.Curves.DeadUnitShare)) ? "no dead-unit share in the window" : null;

    public override Finding? Judge(Reading reading)
    {
        var share = reading.InWindow(reading.Curves.DeadUnitShare);
        if (!(share > Many)) return null;
        return new Finding(Math.Min(0.95, 0.6 + (share - Many)), $"{Evidence.Percent(share)} of the units are dead: they are zero on every sample and learn nothing.",
            [Evidence.Of("deadUnitShare", share, $"dead-unit share {Evidence.Percent(share)} in the window, {Evidence.Percent(Reading.Early(reading.Curves.DeadUnitShare))} at the start; above {Evidence.Percent(Many)} is many")],
            ["Lower the learning rate; use leaky ReLU, ELU or GELU in place of ReLU.", "Check the initialization (Kaiming) and large negative biases."]);
    }
}
