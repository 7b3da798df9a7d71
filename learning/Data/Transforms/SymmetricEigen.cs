namespace DistTrain.Learning;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric matrix: Householder reflections to a tridiagonal one, then implicit QL with shifts. About 3·n³ multiply-adds.
/// Golub, Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3; Bowdler, Martin, Reinsch, Wilkinson 1968, doi:10.1007/BF02165404.
/// </summary>
internal static class SymmetricEigen
{
    private const int MostIterations = 60;
    private const double Rounding = 2.220446049250313e-16;

    /// <summary>Largest first; each vector's largest component (the first of equals) is positive, so that they are the same on every machine.</summary>
    public static (double[] Values, double[][] Vectors) Of(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        if (n == 0) return ([], []);
        var rows = new double[n][]; // rows[i][j]: symmetric at first, at the end row i of the matrix whose columns are the vectors
        for (var i = 0; i < n; i++)
        {
            rows[i] = new double[n];
            for (var j = 0; j < n; j++) rows[i][j] = matrix[i, j];
        }
        var (diagonal, beside) = (new double[n], new double[n]);
        Tridiagonal(rows, diagonal, beside);
        // Rotations turn pairs of columns: as rows of the transpose they lie in one piece.
        var vectors = Enumerable.Range(0, n).Select(j => Enumerable.Range(0, n).Select(i => rows[i][j]).ToArray()).ToArray();
        ImplicitQl(vectors, diagonal, beside);
        var order = Enumerable.Range(0, n).OrderByDescending(i => diagonal[i]).ThenBy(i => i).ToArray();
        return ([.. order.Select(i => diagonal[i])], [.. order.Select(i => Signed(vectors[i]))]);
    }

    // A = Q·T·Qᵀ: T's diagonal and, from index 1, what stands beside it; v becomes Q.
    private static void Tridiagonal(double[][] v, double[] d, double[] e)
    {
        var n = d.Length;
        v[n - 1].CopyTo(d, 0);
        for (var i = n - 1; i > 0; i--)
        {
            double scale = 0, h = 0;
            for (var k = 0; k < i; k++) scale += Math.Abs(d[k]);
            if (scale == 0)
            {
                e[i] = d[i - 1];
                for (var j = 0; j < i; j++) (d[j], v[i][j], v[j][i]) = (v[i - 1][j], 0, 0);
            }
            else
            {
                for (var k = 0; k < i; k++)
                {
                    d[k] /= scale;
                    h += d[k] * d[k];
                }
                var f = d[i - 1];
                var g = f > 0 ? -Math.Sqrt(h) : Math.Sqrt(h);
                (e[i], h, d[i - 1]) = (scale * g, h - f * g, f - g);
                Array.Clear(e, 0, i);
                for (var j = 0; j < i; j++)
                {
                    f = d[j];
                    v[j][i] = f;
                    g = e[j] + v[j][j] * f;
                    for (var k = j + 1; k < i; k++)
                    {
                        g += v[k][j] * d[k];
                        e[k] += v[k][j] * f;
                    }
                    e[j] = g;
                }
                f = 0;
                for (var j = 0; j < i; j++)
                {
                    e[j] /= h;
                    f += e[j] * d[j];
                }
                var half = f / (h + h);
                for (var j = 0; j < i; j++) e[j] -= half * d[j];
                for (var k = 0; k < i; k++)
                {
                    var row = v[k];
                    for (var j = 0; j <= k; j++) row[j] -= d[j] * e[k] + e[j] * d[k];
                }
                for (var j = 0; j < i; j++) (d[j], v[i][j]) = (v[i - 1][j], 0);
            }
            d[i] = h;
        }
        var share = new double[n];
        for (var i = 0; i < n - 1; i++)
        {
            v[n - 1][i] = v[i][i];
            v[i][i] = 1;
            var h = d[i + 1];
            if (h != 0)
            {
                for (var k = 0; k <= i; k++) d[k] = v[k][i + 1] / h;
                Array.Clear(share, 0, i + 1);
                for (var k = 0; k <= i; k++)
                    for (var j = 0; j <= i; j++) share[j] += v[k][i + 1] * v[k][j];
                for (var k = 0; k <= i; k++)
                    for (var j = 0; j <= i; j++) v[k][j] -= share[j] * d[k];
            }
            for (var k = 0; k <= i; k++) v[k][i + 1] = 0;
        }
        for (var j = 0; j < n; j++) (d[j], v[n - 1][j]) = (v[n - 1][j], 0);
        v[n - 1][n - 1] = 1;
        e[0] = 0;
    }

    // d becomes the eigenvalues; rows of v the vectors.
    private static void ImplicitQl(double[][] v, double[] d, double[] e)
    {
        var n = d.Length;
        for (var i = 1; i < n; i++) e[i - 1] = e[i];
        e[n - 1] = 0;
        double f = 0, largest = 0;
        for (var l = 0; l < n; l++)
        {
            largest = Math.Max(largest, Math.Abs(d[l]) + Math.Abs(e[l]));
            var m = l;
            while (m < n - 1 && Math.Abs(e[m]) > Rounding * largest) m++;
            for (var iteration = 0; m > l && iteration < MostIterations && Math.Abs(e[l]) > Rounding * largest; iteration++)
            {
                var g = d[l];
                var p = (d[l + 1] - g) / (2 * e[l]);
                var r = p < 0 ? -Math.Sqrt(p * p + 1) : Math.Sqrt(p * p + 1);
                (d[l], d[l + 1]) = (e[l] / (p + r), e[l] * (p + r));
                var (second, shift) = (d[l + 1], g - d[l]);
                for (var i = l + 2; i < n; i++) d[i] -= shift;
                f += shift;
                p = d[m];
                double c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
                var beside = e[l + 1];
                for (var i = m - 1; i >= l; i--)
                {
                    (c3, c2, s2) = (c2, c, s);
                    g = c * e[i];
                    var h = c * p;
                    r = Math.Sqrt(p * p + e[i] * e[i]);
                    e[i + 1] = s * r;
                    (s, c) = (e[i] / r, p / r);
                    p = c * d[i] - s * g;
                    d[i + 1] = h + s * (c * g + s * d[i]);
                    var (lower, upper) = (v[i], v[i + 1]);
                    for (var k = 0; k < n; k++)
                    {
                        h = upper[k];
                        upper[k] = s * lower[k] + c * h;
                        lower[k] = c * lower[k] - s * h;
                    }
                }
                p = -s * s2 * c3 * beside * e[l] / second;
                (e[l], d[l]) = (s * p, c * p);
            }
            d[l] += f;
            e[l] = 0;
        }
    }

    private static double[] Signed(double[] vector)
    {
        var largest = 0;
        for (var i = 1; i < vector.Length; i++)
            if (Math.Abs(vector[i]) > Math.Abs(vector[largest]) * (1 + 1e-9)) largest = i;
        return vector[largest] < 0 ? Array.ConvertAll(vector, x => -x) : vector;
    }
}
