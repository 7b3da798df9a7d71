using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

/// <summary>How much over-fitting asks of its reader depends on what it costs; and a loss near 0 is not compared with itself.</summary>
public sealed class OverfittingCostTests
{
    // Both fall to step 400; then the train loss falls on and the test loss rests at 0.03, of 2.3 at the start.
    private static TrainingCurves MemorizedAtNoCost(double restsAt, double accuracy)
    {
        var steps = Enumerable.Range(1, 60).Select(i => i * 20L).ToArray();
        double Wobble(long s) => 1 + 0.01 * Math.Sin(s * 1.7);
        return new TrainingCurves
        {
            TrainLoss = new Curve(steps, steps.Select(s => 2.3 * Math.Exp(-s / 110.0) * Wobble(s)).ToArray()),
            TestLoss = new Curve(steps, steps.Select(s => (restsAt + (2.3 - restsAt) * Math.Exp(-s / 90.0)) * Wobble(s + 7)).ToArray()),
            Accuracy = new Curve(steps, steps.Select(s => Math.Min(accuracy, s / 400.0)).ToArray()),
        };
    }

    [Fact]
    public void A_low_test_loss_that_no_longer_falls_is_a_reason_to_stop_and_none_to_worry()
    {
        var verdict = LossDiagnosis.Of(MemorizedAtNoCost(0.03, 0.995));
        Assert.Equal((VerdictNames.Overfitting, VerdictSeverity.Ok), (verdict.Name, verdict.Severity));
        Assert.Contains("So far that costs nothing", verdict.Sentence, StringComparison.Ordinal);
        Assert.StartsWith("Stop here, or keep the checkpoint of step", verdict.Advice[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_high_test_loss_that_no_longer_falls_is_a_warning()
    {
        var verdict = LossDiagnosis.Of(MemorizedAtNoCost(0.9, 0.7));
        Assert.Equal((VerdictNames.Overfitting, VerdictSeverity.Warn), (verdict.Name, verdict.Severity));
    }

    [Fact]
    public void A_spike_that_settled_at_a_millionth_of_the_start_is_no_learning_rate_too_high()
    {
        var steps = Enumerable.Range(1, 200).Select(i => i * 20L).ToArray();
        var curves = new TrainingCurves
        {
            TrainLoss = new Curve(steps, steps.Select(s => (s < 2000 ? 2 * Math.Exp(-s / 100.0) + 5e-9 : s == 2000 ? 0.4 : 5e-8) * (1.15 + 0.15 * Math.Sin(s * 0.37))).ToArray()),
            TestLoss = new Curve(steps, steps.Select(s => 0.5 + s * 2e-4 + 2 * Math.Exp(-s / 60.0)).ToArray()),
        };
        var verdict = LossDiagnosis.Of(curves);
        Assert.Equal(VerdictNames.Overfitting, verdict.Name);
        Assert.DoesNotContain(verdict.AlsoFound, a => a.Name == VerdictNames.LearningRateTooHigh);
        Assert.DoesNotContain(verdict.Evidence, e => e.Text.Contains("000 %", StringComparison.Ordinal));
    }
}
