namespace DistTrain.Diagnosis;

/// <summary>Order statistics and the thinning that bounds their cost.</summary>
internal static class Statistics
{
    /// <summary>Standard deviation of a normal distribution over its median absolute deviation.</summary>
    public const double DeviationsPerMedian = 1.4826;

    /// <summary>The middle value, or the mean of the two middle ones; NaN of nothing.</summary>
    public static double Median(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty) return double.NaN;
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return Middle(sorted);
    }

    /// <summary>Median of sorted values.</summary>
    public static double Middle(ReadOnlySpan<double> sorted) =>
        sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : sorted[sorted.Length / 2 - 1] + (sorted[sorted.Length / 2] - sorted[sorted.Length / 2 - 1]) / 2;

    /// <summary>At most <paramref name="most"/> points: medians of runs of equal length, at their middle steps. x, y [n].</summary>
    public static (double[] X, double[] Y) Thin(ReadOnlySpan<long> steps, ReadOnlySpan<double> values, int most)
    {
        var n = Math.Min(values.Length, most);
        var (x, y) = (new double[n], new double[n]);
        for (var i = 0; i < n; i++)
        {
            var start = (int)((long)values.Length * i / n);
            var end = (int)((long)values.Length * (i + 1) / n);
            x[i] = steps[start] + (steps[end - 1] - steps[start]) / 2.0;
            y[i] = Median(values[start..end]);
        }
        return (x, y);
    }

    /// <summary>Medians of the windows of <paramref name="width"/> values (odd) that fit wholly; [n - width + 1].</summary>
    public static double[] RunningMedian(ReadOnlySpan<double> values, int width)
    {
        var medians = new double[values.Length - width + 1];
        for (var i = 0; i < medians.Length; i++) medians[i] = Median(values.Slice(i, width));
        return medians;
    }
}
