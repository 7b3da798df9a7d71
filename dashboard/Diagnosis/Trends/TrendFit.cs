namespace DistTrain.Diagnosis;

/// <summary>
/// Theil-Sen line: the slope is the median over pairs of (y_j - y_i) / (x_j - x_i), so that up to 29 % of wild points do not turn it.
/// Cost is bounded by thinning to 160 points (medians of runs). Noise is the median absolute residual.
/// Theil 1950; Sen 1968, doi:10.1080/01621459.1968.10480934.
/// </summary>
internal static class TrendFit
{
    private const int MostPoints = 160;

    // |Kendall S| that chance exceeds in at most 2 % of series of n = 0..10 independent points; Kendall 1970, table 1.
    private static readonly int[] KendallNeeded = [int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, 10, 13, 17, 20, 24, 27];

    /// <param name="matters">A change over the window smaller than this is flat however sure it is.</param>
    /// <param name="strictness">Multiplies the score that counts as more than chance.</param>
    public static Trend Of(ReadOnlySpan<long> steps, ReadOnlySpan<double> values, double matters, double strictness = 1)
    {
        var (x, y) = Statistics.Thin(steps, values, MostPoints);
        var n = y.Length;
        var span = n > 0 ? x[^1] - x[0] : 0;
        if (n < 3 || span <= 0) return new Trend(Direction.Flat, 0, 0, 0, double.PositiveInfinity, double.PositiveInfinity, 0, n);
        for (var i = n - 1; i >= 0; i--) x[i] = (x[i] - x[0]) / span;

        var slopes = new List<double>(n * (n - 1) / 2);
        var concordance = 0;
        for (var i = 0; i < n; i++)
            for (var j = i + 1; j < n; j++)
            {
                concordance += Math.Sign(y[j] - y[i]);
                if (x[j] > x[i]) slopes.Add((y[j] - y[i]) / (x[j] - x[i]));
            }
        var sorted = slopes.ToArray();
        Array.Sort(sorted);
        var change = Statistics.Middle(sorted);

        var residuals = new double[n];
        for (var i = 0; i < n; i++) residuals[i] = y[i] - change * x[i];
        var intercept = Statistics.Median(residuals);
        for (var i = 0; i < n; i++) residuals[i] -= intercept;
        var noise = Statistics.DeviationsPerMedian * Statistics.Median(Array.ConvertAll(residuals, Math.Abs));
        var swing = NeighbourCorrelation(residuals);

        // Neighbours that move together are worth fewer independent points; a bend of the curve shows as such too, hence the bound.
        var together = Math.Clamp(swing, 0, 0.6);
        var error = noise * Math.Sqrt((1 + together) / (1 - together)) * 1.05 / Math.Sqrt(SquaredSpread(x));
        var needed = 3 * strictness * (1 + 4.0 / (n - 2));
        var score = error > 0 ? Math.Abs(change) / error : change == 0 ? 0 : double.PositiveInfinity;
        var beyondChance = score > needed || n < KendallNeeded.Length && Math.Abs(concordance) >= KendallNeeded[n];
        var direction = !beyondChance || Math.Abs(change) <= matters ? Direction.Flat : change < 0 ? Direction.Down : Direction.Up;
        if (direction is not Direction.Flat) score = Math.Max(score, needed);
        return new Trend(direction, change, noise, score, needed, needed * error, swing, n);
    }

    private static double SquaredSpread(double[] x)
    {
        var mean = x.Average();
        var sum = 0.0;
        foreach (var at in x) sum += (at - mean) * (at - mean);
        return sum;
    }

    private static double NeighbourCorrelation(double[] residuals)
    {
        var (product, square) = (0.0, 0.0);
        for (var i = 0; i < residuals.Length; i++)
        {
            square += residuals[i] * residuals[i];
            if (i > 0) product += residuals[i] * residuals[i - 1];
        }
        return square > 0 ? product / square : 0;
    }
}
