namespace DistTrain.Learning;

/// <summary>Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations. Golub, Van Loan, Matrix Computations, section 8.5.</summary>
internal static class SymmetricEigen
{
    private const int MostSweeps = 60;

    /// <summary>Largest first; each vector's largest component (the first of equals) is positive, so that they are the same on every machine.</summary>
    public static (double[] Values, double[][] Vectors) Of(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        var (a, v) = ((double[,])matrix.Clone(), new double[n, n]);
        for (var i = 0; i < n; i++) v[i, i] = 1;
        for (var sweep = 0; sweep < MostSweeps; sweep++)
        {
            double off = 0, all = 0;
            for (var i = 0; i < n; i++)
                for (var j = 0; j < n; j++)
                {
                    all += a[i, j] * a[i, j];
                    if (i != j) off += a[i, j] * a[i, j];
                }
            if (off <= 1e-26 * all) break;
            for (var p = 0; p < n - 1; p++)
                for (var q = p + 1; q < n; q++) Rotate(a, v, p, q);
        }
        var order = Enumerable.Range(0, n).OrderByDescending(i => a[i, i]).ThenBy(i => i).ToArray();
        return ([.. order.Select(i => a[i, i])], [.. order.Select(i => Signed([.. Enumerable.Range(0, n).Select(r => v[r, i])]))]);
    }

    private static void Rotate(double[,] a, double[,] v, int p, int q)
    {
        if (a[p, q] == 0) return;
        var n = a.GetLength(0);
        var theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        var t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt(theta * theta + 1));
        var c = 1 / Math.Sqrt(t * t + 1);
        var s = t * c;
        for (var k = 0; k < n; k++) (a[k, p], a[k, q]) = (c * a[k, p] - s * a[k, q], s * a[k, p] + c * a[k, q]);
        for (var k = 0; k < n; k++) (a[p, k], a[q, k]) = (c * a[p, k] - s * a[q, k], s * a[p, k] + c * a[q, k]);
        for (var k = 0; k < n; k++) (v[k, p], v[k, q]) = (c * v[k, p] - s * v[k, q], s * v[k, p] + c * v[k, q]);
    }

    private static double[] Signed(double[] vector)
    {
        var largest = 0;
        for (var i = 1; i < vector.Length; i++)
            if (Math.Abs(vector[i]) > Math.Abs(vector[largest]) * (1 + 1e-9)) largest = i;
        return vector[largest] < 0 ? Array.ConvertAll(vector, x => -x) : vector;
    }
}
