namespace DistTrain.Learning;

/// <summary>L of A = L·Lᵀ for a symmetric positive definite matrix, and what is solved with it. Golub, Van Loan, Matrix Computations, section 4.2.</summary>
public sealed class Cholesky
{
    // Below this share of its diagonal element, what is left of a pivot is rounding.
    private const double LeastPivot = 1e-14;

    private readonly double[][] _rows;

    private Cholesky(double[][] rows) => _rows = rows;

    /// <summary>null where the matrix is not positive definite.</summary>
    public static Cholesky? Of(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        var rows = new double[n][];
        for (var i = 0; i < n; i++)
        {
            rows[i] = new double[i + 1];
            for (var j = 0; j <= i; j++)
            {
                var rest = matrix[i, j] - Product(rows[i], rows[j], j);
                if (i != j) rows[i][j] = rest / rows[j][j];
                else if (rest > LeastPivot * Math.Abs(matrix[i, i])) rows[i][i] = Math.Sqrt(rest);
                else return null;
            }
        }
        return new Cholesky(rows);
    }

    /// <summary>b &lt;- L⁻¹·b.</summary>
    public void SolveLower(Span<double> b)
    {
        for (var i = 0; i < _rows.Length; i++) b[i] = (b[i] - Product(_rows[i], b, i)) / _rows[i][i];
    }

    /// <summary>b &lt;- A⁻¹·b.</summary>
    public void Solve(Span<double> b)
    {
        SolveLower(b);
        for (var i = _rows.Length - 1; i >= 0; i--)
        {
            var rest = b[i];
            for (var k = i + 1; k < _rows.Length; k++) rest -= _rows[k][i] * b[k];
            b[i] = rest / _rows[i][i];
        }
    }

    private static double Product(ReadOnlySpan<double> x, ReadOnlySpan<double> y, int count)
    {
        double a = 0, b = 0, c = 0, d = 0;
        var i = 0;
        for (; i + 4 <= count; i += 4) (a, b, c, d) = (a + x[i] * y[i], b + x[i + 1] * y[i + 1], c + x[i + 2] * y[i + 2], d + x[i + 3] * y[i + 3]);
        for (; i < count; i++) a += x[i] * y[i];
        return a + b + (c + d);
    }
}
