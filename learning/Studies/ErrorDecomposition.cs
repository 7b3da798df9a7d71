namespace DistTrain.Learning;

/// <summary>
/// Why predictions are wrong, from several models that were trained on other draws of the data: the mean over test points (and outputs) of  E(f - t)² = (E f - t)² + E(f - E f)² = bias² + variance, and with noisy
/// targets + noise. Both are estimates without bias of their own: variance divides by M - 1, and bias² has variance / M taken away, which a mean of M adds; their sum is the mean error exactly.
/// Geman, Bienenstock, Doursat 1992, doi:10.1162/neco.1992.4.1.1.
/// </summary>
/// <param name="BiasSquared">What the mean model still gets wrong; it may come out a little below 0 where there is none.</param>
/// <param name="Variance">How far single models are from their mean.</param>
/// <param name="Error">Mean squared error of the single models against the targets given: bias² + variance.</param>
public sealed record ErrorDecomposition(double BiasSquared, double Variance, double Error)
{
    /// <param name="predictions">[M][points · outputs], M at least 2.</param>
    /// <param name="targets">[points · outputs].</param>
    /// <param name="outputs">The error of a point is the sum over them.</param>
    public static ErrorDecomposition Of(IReadOnlyList<double[]> predictions, IReadOnlyList<double> targets, int outputs = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(predictions.Count, 2);
        var (members, bias, variance, points) = (predictions.Count, 0.0, 0.0, targets.Count / outputs);
        for (var i = 0; i < targets.Count; i++)
        {
            var (mean, spread) = (0.0, 0.0);
            foreach (var model in predictions) mean += model[i] / members;
            foreach (var model in predictions) spread += (model[i] - mean) * (model[i] - mean);
            var own = spread / (members - 1);
            variance += own / points;
            bias += ((mean - targets[i]) * (mean - targets[i]) - own / members) / points;
        }
        return new ErrorDecomposition(bias, variance, bias + variance);
    }
}
