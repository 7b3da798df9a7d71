namespace DistTrain.Learning;

/// <summary>The minimum of a linear model's loss over its weights, in double: what training by steps comes near to. For small problems; nothing is approximated.</summary>
/// <remarks>Features are rows φ; every solution has the bias as its last weight, on a feature that is 1, and the penalty ½·l2·‖w‖² counts it, as training.l2 does.</remarks>
public static class ExactSolution
{
    /// <summary>argmin 1/(n·T)·Σ(W·φ - y)² + ½·l2·‖W‖²: least squares (l2 = 0), ridge regression, and behind kernelFeatures kernel ridge regression. Legendre 1805; Hoerl, Kennard 1970, doi:10.1080/00401706.1970.10488634.</summary>
    /// <param name="features">[n][F].</param>
    /// <param name="targets">[n][T].</param>
    /// <returns>[T][F + 1]; null where l2 is 0 and the features are not independent.</returns>
    public static double[][]? LeastSquares(IReadOnlyList<double[]> features, IReadOnlyList<double[]> targets, double l2)
    {
        var (count, width, outputs) = (features.Count, features[0].Length + 1, targets[0].Length);
        var (normal, scale) = (new double[width, width], 2.0 / ((double)count * outputs));
        for (var a = 0; a < width; a++)
        {
            for (var b = 0; b <= a; b++)
            {
                var sum = 0.0;
                foreach (var row in features) sum += At(row, a) * At(row, b);
                normal[a, b] = normal[b, a] = scale * sum;
            }
            normal[a, a] += l2;
        }
        if (Cholesky.Of(normal) is not { } factor) return null;
        var weights = new double[outputs][];
        for (var t = 0; t < outputs; t++)
        {
            var right = new double[width];
            for (var a = 0; a < width; a++)
                for (var n = 0; n < count; n++) right[a] += scale * At(features[n], a) * targets[n][t];
            factor.Solve(right);
            weights[t] = right;
        }
        return weights;
    }

    /// <summary>
    /// argmin 1/n·Σ max(0, 1 - s·(w·φ)) + ½·l2·‖w‖², s = ±1: the support vector machine, by its dual max Σα - ½‖Σ α·s·φ‖², 0 ≤ α ≤ 1/(n·l2), one α after another until the gap between both is below
    /// 1e-8 of the objective. Hsieh et al. 2008, doi:10.1145/1390156.1390208.
    /// </summary>
    /// <param name="signs">±1 a sample.</param>
    /// <param name="l2">Above 0.</param>
    /// <returns>The weights [F + 1], the share of samples that are support vectors, and the duality gap that was left.</returns>
    public static (double[] Weights, double SupportShare, double Gap) SupportVectors(IReadOnlyList<double[]> features, IReadOnlyList<int> signs, double l2)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(l2);
        const int MostSweeps = 20_000;
        var (count, width) = (features.Count, features[0].Length + 1);
        var (most, alpha, sum) = (1.0 / (count * l2), new double[count], new double[width]); // sum = Σ α·s·φ; with C = 1/(n·l2) it is w
        var squares = features.Select(row => Score(row, [.. row, 1.0])).ToArray();
        var gap = double.PositiveInfinity;
        for (var sweep = 1; sweep <= MostSweeps; sweep++)
        {
            for (var n = 0; n < count; n++)
            {
                var slack = 1 - signs[n] * Score(features[n], sum);
                var next = Math.Clamp(alpha[n] + slack / squares[n], 0, most);
                var move = (next - alpha[n]) * signs[n];
                alpha[n] = next;
                if (move == 0) continue;
                for (var a = 0; a < width; a++) sum[a] += move * At(features[n], a);
            }
            if (sweep % 10 != 0) continue;
            var (norm, lost, dual) = (sum.Sum(w => w * w), 0.0, 0.0);
            for (var n = 0; n < count; n++) (lost, dual) = (lost + Math.Max(0, 1 - signs[n] * Score(features[n], sum)), dual + alpha[n]);
            gap = (most * lost + norm - dual) * l2; // primal ½‖w‖² + C·Σ minus dual, in the loss's units
            if (gap <= 1e-8 * (lost / count + 0.5 * l2 * norm)) break;
        }
        return (sum, alpha.Count(a => a > 0) / (double)count, gap);
    }

    /// <summary>Mean, eigenvalues (largest first) and eigenvectors of the covariance (divided by N): the components, and the loss that K of them leave. Pearson 1901, doi:10.1080/14786440109462720.</summary>
    public static (double[] Mean, double[] Values, double[][] Vectors) PrincipalComponents(IReadOnlyList<double[]> features)
    {
        var (count, width) = (features.Count, features[0].Length);
        var (mean, products) = (new double[width], new double[width, width]);
        foreach (var row in features)
            for (var i = 0; i < width; i++) mean[i] += row[i] / count;
        foreach (var row in features)
            for (var a = 0; a < width; a++)
                for (var b = 0; b <= a; b++) products[a, b] += (row[a] - mean[a]) * (row[b] - mean[b]) / count;
        for (var a = 0; a < width; a++)
            for (var b = 0; b < a; b++) products[b, a] = products[a, b];
        var (values, vectors) = SymmetricEigen.Of(products);
        return (mean, values, vectors);
    }

    /// <summary>Cosine of the largest angle between the span of some columns and that of orthonormal directions, as many: 1 where they are the same subspace. Björck, Golub 1973.</summary>
    /// <param name="columns">[K][F], independent.</param>
    /// <param name="directions">[K][F], orthonormal.</param>
    public static double SubspaceCosine(IReadOnlyList<double[]> columns, IReadOnlyList<double[]> directions)
    {
        var basis = new List<double[]>();
        foreach (var column in columns)
        {
            var rest = (double[])column.Clone();
            for (var twice = 0; twice < 2; twice++) // once leaves what rounding leaves
                foreach (var before in basis)
                {
                    var share = Dot(before, rest);
                    for (var i = 0; i < rest.Length; i++) rest[i] -= share * before[i];
                }
            var norm = Math.Sqrt(Dot(rest, rest));
            if (norm <= 1e-12 * Math.Sqrt(Dot(column, column))) return 0;
            basis.Add(Array.ConvertAll(rest, r => r / norm));
        }
        // The smallest eigenvalue of (BᵀV)ᵀ(BᵀV) is that cosine's square.
        var products = new double[directions.Count, directions.Count];
        for (var a = 0; a < directions.Count; a++)
            for (var b = 0; b < directions.Count; b++) products[a, b] = basis.Sum(q => Dot(q, directions[a]) * Dot(q, directions[b]));
        return Math.Sqrt(Math.Clamp(SymmetricEigen.Of(products).Values[^1], 0, 1));
    }

    /// <summary>w·(φ, 1).</summary>
    public static double Score(ReadOnlySpan<double> features, ReadOnlySpan<double> weights)
    {
        var sum = weights[^1];
        for (var i = 0; i < features.Length; i++) sum += weights[i] * features[i];
        return sum;
    }

    private static double At(double[] row, int index) => index < row.Length ? row[index] : 1.0;

    private static double Dot(double[] x, double[] y)
    {
        var sum = 0.0;
        for (var i = 0; i < x.Length; i++) sum += x[i] * y[i];
        return sum;
    }
}
