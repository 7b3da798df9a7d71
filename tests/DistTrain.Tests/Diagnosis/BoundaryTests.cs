using System.Diagnostics;
using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

/// <summary>Short, constant, broken, long and misleading curves.</summary>
public sealed class BoundaryTests
{
    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4)]
    public void Fewer_than_five_evaluations_are_too_few_and_the_sentence_counts_them(int count)
    {
        double[] losses = [.. Enumerable.Range(0, count).Select(i => 1.0 / (1 + i))];
        var read = RuleBookTests.Of(losses, losses);
        Assert.Equal(VerdictNames.InsufficientData, read.Name);
        Assert.Contains(count == 0 ? "no train loss" : $"{count} train loss", read.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Five_falling_evaluations_are_learning() => Assert.Equal(VerdictNames.Learning, RuleBookTests.Of([2.3, 1.1, 0.6, 0.4, 0.3], [2.3, 1.2, 0.7, 0.5, 0.42]).Name);

    [Fact]
    public void Six_evaluations_of_pure_scatter_are_too_few() => Assert.Equal(VerdictNames.InsufficientData, RuleBookTests.Of([1, 4, 0.5, 3, 5, 0.8], [2, 0.4, 4, 1, 0.3, 3]).Name);

    [Theory, InlineData(0.0), InlineData(1e-300), InlineData(0.7), InlineData(-3.0), InlineData(1e300)]
    public void Constant_losses_are_a_bottleneck(double loss)
    {
        double[] losses = [.. Enumerable.Repeat(loss, 30)];
        Assert.Equal(VerdictNames.Bottleneck, RuleBookTests.Of(losses, losses).Rule);
    }

    [Theory, InlineData(0, "train"), InlineData(17, "train"), InlineData(29, "train"), InlineData(17, "test")]
    public void One_nan_is_found_with_its_step_and_series(int at, string which)
    {
        double[] train = [.. Enumerable.Range(0, 30).Select(i => 1 - i / 40.0)];
        double[] test = [.. train];
        (which == "train" ? train : test)[at] = double.NaN;
        var read = RuleBookTests.Of(train, test);
        Assert.Equal(VerdictNames.NotANumber, read.Name);
        Assert.Contains($"{which} loss", read.Sentence, StringComparison.Ordinal);
        Assert.Equal(10L * at, read.Window.FromStep);
        Assert.Equal(at == 29 ? 1 : 0.9, read.Confidence);
    }

    [Theory, InlineData(double.PositiveInfinity), InlineData(double.NegativeInfinity)]
    public void An_infinite_loss_is_diverged(double infinity)
    {
        double[] train = [.. Enumerable.Range(0, 30).Select(i => 1 - i / 40.0)];
        double[] broken = [.. train];
        broken[20] = infinity;
        Assert.Equal(VerdictNames.Diverged, RuleBookTests.Of(broken, train).Name);
        Assert.Equal(VerdictNames.Diverged, RuleBookTests.Of(train, broken).Name);
    }

    [Fact]
    public void Only_nan_and_only_infinity_have_verdicts_too()
    {
        double[] nan = [.. Enumerable.Repeat(double.NaN, 8)];
        double[] infinite = [.. Enumerable.Repeat(double.PositiveInfinity, 8)];
        Assert.Equal(VerdictNames.NotANumber, RuleBookTests.Of(nan, nan).Name);
        Assert.Equal(VerdictNames.Diverged, RuleBookTests.Of(infinite, infinite).Name);
    }

    [Fact]
    public void A_loss_that_is_negative_and_falls_is_learning() =>
        Assert.Equal(VerdictNames.Learning, new CurveFamilies.Draw(5, 0.01, 60).Run(t => -2 - 3 * t, t => -1.8 - 2.9 * t) is var c ? LossDiagnosis.Of(c).Name : "");

    [Fact]
    public void A_falling_loss_that_crosses_zero_is_learning() =>
        Assert.Equal(VerdictNames.Learning, LossDiagnosis.Of(new CurveFamilies.Draw(5, 0, 60).Run(t => 1 - 2 * t, t => 1.1 - 2 * t)).Name);

    [Theory, InlineData(1), InlineData(2), InlineData(4)]
    public void A_late_spike_that_recovers_is_not_diverged(int length)
    {
        for (var before = 3; before < 12; before++)
        {
            double[] train = [.. Enumerable.Range(0, 80).Select(i => Math.Exp(-i / 40.0))];
            for (var i = 0; i < length; i++) train[80 - before - length + i] = 50;
            Assert.Equal(VerdictNames.Learning, RuleBookTests.Of(train, [.. train.Select(l => 1.1 * l)]).Name);
        }
    }

    [Fact]
    public void A_spike_that_does_not_recover_is_diverged()
    {
        double[] train = [.. Enumerable.Range(0, 80).Select(i => i >= 76 ? 50 : Math.Exp(-i / 40.0))];
        Assert.Equal(VerdictNames.Diverged, RuleBookTests.Of(train, train).Name);
    }

    [Fact]
    public void A_plateau_is_a_bottleneck_until_the_losses_drop_again_and_then_learning()
    {
        double[] losses = [.. Enumerable.Range(0, 100).Select(i => i < 80 ? 1 + 0.01 * (i * 7 % 5 - 2) : 1 - 0.04 * (i - 80) + 0.01 * (i * 7 % 5 - 2))];
        Assert.Equal(VerdictNames.Bottleneck, RuleBookTests.Of(losses[..80], losses[..80]).Name);
        Assert.Equal(VerdictNames.Learning, RuleBookTests.Of(losses, losses).Name);
    }

    [Fact]
    public void A_loss_that_still_falls_slowly_is_not_converged()
    {
        double[] slow = [.. Enumerable.Range(0, 200).Select(i => 3 - 0.25 * Math.Log(1 + i))];
        Assert.Equal(VerdictNames.Learning, RuleBookTests.Of(slow, [.. slow.Select(l => l + 0.1)]).Name);
        double[] arrived = [.. Enumerable.Range(0, 200).Select(i => 0.2 + 2.8 * Math.Exp(-i / 12.0))];
        Assert.Equal(VerdictNames.Converged, RuleBookTests.Of(arrived, [.. arrived.Select(l => l + 0.03)]).Name);
    }

    [Fact]
    public void Test_losses_at_every_tenth_step_and_a_gap_of_most_of_the_run_are_read()
    {
        long[] trainSteps = [.. Enumerable.Range(0, 400).Select(i => i < 200 ? i : 5000L + i)];
        long[] testSteps = [.. trainSteps.Where((_, i) => i % 10 == 0)];
        double Loss(long step) => step < 200 ? 2 - step / 200.0 : 1 - (step - 5200) / 300.0;
        var read = LossDiagnosis.Of(new TrainingCurves { TrainLoss = new Curve(trainSteps, [.. trainSteps.Select(Loss)]), TestLoss = new Curve(testSteps, [.. testSteps.Select(s => 1.2 * Loss(s))]) });
        Assert.Equal(VerdictNames.Learning, read.Name);
        Assert.True(read.Window.FromStep >= 5000, $"window from {read.Window.FromStep}");
    }

    [Fact]
    public void Losses_at_steps_that_double_are_read()
    {
        long[] steps = [.. Enumerable.Range(0, 30).Select(i => 1L << i)];
        double[] losses = [.. Enumerable.Range(0, 30).Select(i => Math.Pow(0.9, i))];
        Assert.Equal(VerdictNames.Learning, LossDiagnosis.Of(new TrainingCurves { TrainLoss = new Curve(steps, losses), TestLoss = new Curve(steps, losses) }).Name);
    }

    [Fact]
    public void Test_losses_that_ended_long_ago_are_too_little_data()
    {
        double[] train = [.. Enumerable.Range(0, 20).Select(i => 1 - i / 40.0)];
        var read = LossDiagnosis.Of(new TrainingCurves { TrainLoss = new Curve([.. Enumerable.Range(0, 20).Select(i => 1000L + i)], train), TestLoss = new Curve([.. Enumerable.Range(0, 40).Select(i => (long)i)], [.. train, .. train]) });
        Assert.Equal(VerdictNames.InsufficientData, read.Name);
    }

    [Fact]
    public void All_losses_at_one_step_are_too_little_data() =>
        Assert.Equal(VerdictNames.InsufficientData, LossDiagnosis.Of(new TrainingCurves { TrainLoss = new Curve(new long[8], [8, 7, 6, 5, 4, 3, 2, 1]), TestLoss = new Curve(new long[8], [8, 7, 6, 5, 4, 3, 2, 1]) }).Name);

    [Fact]
    public void A_hundred_thousand_evaluations_take_no_second()
    {
        var curves = new CurveFamilies.Draw(2, 0.3, 100_000).Run(t => 1 - 0.5 * t, t => 1.1 - 0.5 * t);
        LossDiagnosis.Of(curves);
        var watch = Stopwatch.StartNew();
        Assert.Equal(VerdictNames.Learning, LossDiagnosis.Of(curves).Name);
        Assert.True(watch.ElapsedMilliseconds < 1000, $"{watch.ElapsedMilliseconds} ms");
    }

    [Fact]
    public void Steps_that_fall_are_refused_with_both_numbers()
    {
        var refused = Assert.Throws<ArgumentException>(() => new Curve([1, 5, 4], [1, 1, 1]));
        Assert.Contains("Step 4 follows step 5", refused.Message, StringComparison.Ordinal);
    }
}
