using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

public sealed class RuleBookTests
{
    private static readonly Direction[] Directions = [Direction.Down, Direction.Flat, Direction.Up];

    public static TheoryData<Direction, Direction, string> Table() => new()
    {
        { Direction.Down, Direction.Down, VerdictNames.Learning },
        { Direction.Down, Direction.Flat, VerdictNames.Overfitting },
        { Direction.Down, Direction.Up, VerdictNames.Overfitting },
        { Direction.Flat, Direction.Down, VerdictNames.SuspiciousData },
        { Direction.Flat, Direction.Flat, VerdictNames.Bottleneck },
        { Direction.Flat, Direction.Up, VerdictNames.Overfitting },
        { Direction.Up, Direction.Down, VerdictNames.SuspiciousData },
        { Direction.Up, Direction.Flat, VerdictNames.WrongSetup },
        { Direction.Up, Direction.Up, VerdictNames.WrongSetup },
    };

    [Theory, MemberData(nameof(Table))]
    public void Every_cell_of_the_table_gives_its_verdict(Direction train, Direction test, string verdict)
    {
        foreach (var noise in (double[])[0, 0.02])
            for (var seed = 0; seed < 10; seed++)
            {
                var curves = new CurveFamilies.Draw(seed, noise, 60).Run(Line(train), Line(test));
                Assert.Equal(new Cell(train, test), new Reading(curves).Cell);
                var read = LossDiagnosis.Of(curves);
                Assert.Equal((verdict, verdict), (read.Name, read.Rule));
            }
    }

    [Fact]
    public void Every_cell_is_owned_by_exactly_one_rule()
    {
        foreach (var train in Directions)
            foreach (var test in Directions)
                Assert.Single(RuleBook.Standard.Rules.OfType<CellRule>(), rule => rule.Cells.Contains(new Cell(train, test)));
    }

    [Fact]
    public void Every_verdict_has_one_rule_and_every_rule_a_known_verdict()
    {
        var verdicts = RuleBook.Standard.Rules.Select(r => r.GetType().GetCustomAttributes(false).OfType<RuleAttribute>().Single().Verdict);
        Assert.Equal(VerdictNames.All.Order(StringComparer.Ordinal), verdicts.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Two_rules_of_one_verdict_are_refused_by_name()
    {
        var refused = Assert.Throws<InvalidOperationException>(() => new RuleBook([new Bottleneck(), new Bottleneck()]));
        Assert.Contains("\"bottleneck\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refinement_never_stands_in_for_learning_but_is_reported_beside_it()
    {
        var draw = new CurveFamilies.Draw(3, 0.01, 60);
        var read = LossDiagnosis.Of(draw.Run(t => 1 - 0.8 * t, t => 1.1 - 0.8 * t) with { DeadUnitShare = draw.Side(_ => 0.9) });
        Assert.Equal(VerdictNames.Learning, read.Name);
        Assert.Equal(VerdictNames.DeadUnits, Assert.Single(read.AlsoFound).Name);
        Assert.Equal(VerdictSeverity.Warn, read.Worst);
    }

    [Fact]
    public void A_refinement_keeps_the_rules_own_advice_behind_its_own()
    {
        var draw = new CurveFamilies.Draw(3, 0.01, 60);
        var read = LossDiagnosis.Of(draw.Run(_ => 1, _ => 1) with { DeadUnitShare = draw.Side(_ => 0.9) });
        Assert.Equal((VerdictNames.DeadUnits, VerdictNames.Bottleneck), (read.Name, read.Rule));
        Assert.Contains("Lower the learning rate or the batch size.", read.Advice);
    }

    [Fact]
    public void Nan_comes_before_diverged_and_both_before_too_little_data()
    {
        Assert.Equal(VerdictNames.NotANumber, Of([1, double.PositiveInfinity, double.NaN], [1]).Name);
        Assert.Equal(VerdictNames.Diverged, Of([1, double.PositiveInfinity], []).Name);
        Assert.Equal(VerdictNames.InsufficientData, Of([1, 2], [1, 2]).Name);
    }

    [Fact]
    public void Too_little_data_is_too_little_to_call_a_run_converged()
    {
        long[] steps = [.. Enumerable.Range(1, 60).Select(s => (long)s)];
        var train = new Curve(steps, [.. steps.Select(s => s < 20 ? 2.3 - 0.11 * s : 0.05)]);
        var read = LossDiagnosis.Of(new TrainingCurves { TrainLoss = train, TestLoss = new Curve([60], [0.05]), Accuracy = new Curve([60], [0.995]) });
        Assert.Equal(VerdictNames.InsufficientData, read.Name);
        Assert.DoesNotContain(read.AlsoFound, found => found.Name == VerdictNames.Converged);
        Assert.Contains(read.ChecksSkipped, check => check.Name == VerdictNames.Converged);
    }

    [Fact]
    public void Checks_that_lack_their_series_are_named_as_skipped()
    {
        var read = LossDiagnosis.Of(new CurveFamilies.Draw(3, 0.01, 60).Run(t => 1 - 0.8 * t, t => 1.1 - 0.8 * t));
        Assert.Equal([VerdictNames.DeadUnits, VerdictNames.ExplodingGradients, VerdictNames.LearningRateTooLow, VerdictNames.VanishingGradients], read.ChecksSkipped.Select(s => s.Name).Order(StringComparer.Ordinal));
        Assert.Contains(VerdictNames.LearningRateTooHigh, read.ChecksRan);
    }

    private static Func<double, double> Line(Direction direction) => direction switch
    {
        Direction.Down => t => 1 - 0.7 * t,
        Direction.Up => t => 1 + 1.2 * t,
        _ => _ => 0.8,
    };

    internal static Verdict Of(double[] train, double[] test) => LossDiagnosis.Of(new TrainingCurves
    {
        TrainLoss = new Curve([.. Enumerable.Range(0, train.Length).Select(i => 10L * i)], train),
        TestLoss = new Curve([.. Enumerable.Range(0, test.Length).Select(i => 10L * i)], test),
    });
}
