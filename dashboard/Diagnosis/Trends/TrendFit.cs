namespace DistTrain.Diagnosis;

/// <summary>
/// Theil-Sen line: the slope is the median over pairs of (y_j - y_i) / (x_j - x_i), so that up to 29 % of wild points do not turn it.
/// Whether it is more than chance is judged by the slope's standard error and by Kendall's S, which no single point can move far.
/// Cost is bounded by thinning to 100 points (medians of runs).
/// Theil 1950; Sen 1968, doi:10.1080/01621459.1968.10480934.
/// </summary>
internal static class TrendFit
{
    private const int MostPoints = 100;

    // |Kendall S| that chance exceeds in 0.6 % at most of series of n = 6..8 independent points (n = 5: 1.7 %, the least it can be); Kendall 1970, table 1. The normal form serves beyond.
    private static readonly int[] KendallNeeded = [int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, 10, 15, 19, 22];

    /// <param name="matters">A change over the window smaller than this is flat however sure it is.</param>
    /// <param name="strictness">Multiplies the score that counts as more than chance.</param>
    public static Trend Of(ReadOnlySpan<long> steps, ReadOnlySpan<double> values, double matters, double strictness = 1)
    {
        var (x, y) = Statistics.Thin(steps, values, MostPoints);
        var n = y.Length;
        var span = n > 0 ? x[^1] - x[0] : 0;
        if (n < 3 || span <= 0) return new Trend(Direction.Flat, 0, 0, 0, double.PositiveInfinity, 0, n, double.PositiveInfinity);
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
        var noise = Noise(residuals);
        var swing = NeighbourCorrelation(residuals);

        // Neighbours that move together are worth fewer independent points; a bend of the curve shows as such too, hence the bounds.
        var error = noise * Inflation(swing, 0.6) * 1.05 / Math.Sqrt(SquaredSpread(x));
        var bySlope = error > 0 ? Math.Abs(change) / (3 * (1 + 4.0 / (n - 2)) * error) : change == 0 ? 0 : double.PositiveInfinity;
        var byOrder = n < KendallNeeded.Length
            ? (double)Math.Abs(concordance) / KendallNeeded[n]
            : Math.Abs(concordance) / (3 * Math.Sqrt(n * (n - 1.0) * (2 * n + 5) / 18)) / Inflation(swing, 0.4);
        if (Math.Sign(concordance) != Math.Sign(change)) byOrder = 0;
        var strength = Math.Max(bySlope, byOrder) / strictness;
        var direction = strength < 1 || Math.Abs(change) <= matters ? Direction.Flat : change < 0 ? Direction.Down : Direction.Up;
        return new Trend(direction, change, noise, strength, 3.3 * strictness * error, swing, n, error);
    }

    /// <summary>Standard deviation of the residuals: their mean size where the median size agrees within a half (few wild points), else nearer the median.</summary>
    private static double Noise(double[] residuals)
    {
        var sizes = Array.ConvertAll(residuals, Math.Abs);
        var mean = 1.2533 * sizes.Average() * Math.Sqrt(residuals.Length / (residuals.Length - 2.0));
        var median = Statistics.DeviationsPerMedian * Statistics.Median(sizes);
        return Math.Max(Math.Clamp(mean, median, 1.5 * median), 0.5 * mean);
    }

    private static double Inflation(double correlation, double most)
    {
        var together = Math.Clamp(correlation, 0, most);
        return Math.Sqrt((1 + together) / (1 - together));
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
        var mean = residuals.Average();
        for (var i = 0; i < residuals.Length; i++)
        {
            square += (residuals[i] - mean) * (residuals[i] - mean);
            if (i > 0) product += (residuals[i] - mean) * (residuals[i - 1] - mean);
        }
        return square > 0 ? product / square : 0;
    }
}
