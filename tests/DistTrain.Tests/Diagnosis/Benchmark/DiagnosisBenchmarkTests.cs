using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

/// <summary>The nine cells of the table on seeds that nothing was tuned on: right where it can be known, not wrong where it cannot.</summary>
public sealed class DiagnosisBenchmarkTests
{
    private const int Seeds = 10;

    [Theory]
    [InlineData(0, 0.97, 0.02)]
    [InlineData(0.05, 0.95, 0.04)]
    [InlineData(0.15, 0.87, 0.06)]
    [InlineData(0.30, 0.60, 0.10)]
    public void Over_all_lengths_the_shares_of_right_and_of_wrong_verdicts_are(double noise, double right, double wrong)
    {
        var score = DiagnosisBenchmark.Lengths.SelectMany(n => CellCurves.Cells.Select(cell => DiagnosisBenchmark.Of(cell, noise, n, CellCurves.HeldOut, Seeds))).Aggregate((a, b) => a + b);
        Assert.True(score.RightShare >= right && score.WrongShare <= wrong, $"noise {noise}: {score}, {score.RightShare:P1} right (at least {right:P0}), {score.WrongShare:P1} wrong (at most {wrong:P0})");
    }

    [Theory]
    [InlineData(100, 0.86)]
    [InlineData(200, 0.92)]
    [InlineData(400, 0.94)]
    public void A_long_run_is_read_rightly_at_30_percent_noise(int evaluations, double right)
    {
        var score = CellCurves.Cells.Select(cell => DiagnosisBenchmark.Of(cell, 0.30, evaluations, CellCurves.HeldOut, Seeds)).Aggregate((a, b) => a + b);
        Assert.True(score.RightShare >= right, $"{evaluations} evaluations: {score}, {score.RightShare:P1} right (at least {right:P0})");
    }

    [Fact]
    public void A_dozen_evaluations_that_scatter_by_30_percent_are_called_too_few()
    {
        var verdict = LossDiagnosis.Of(CellCurves.Make(new Cell(Direction.Flat, Direction.Flat), 0.30, 12, CellCurves.HeldOut + 1));
        Assert.Equal(Contracts.VerdictNames.InsufficientData, verdict.Name);
        Assert.Contains("may hide a change of", verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains("evaluate on more samples", verdict.Advice[0], StringComparison.Ordinal);
    }
}
