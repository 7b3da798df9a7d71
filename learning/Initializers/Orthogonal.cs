using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Rows (or, of a tall matrix, columns) that are orthogonal with length gain: w as [O, rest] is normal numbers made orthonormal by Gram and Schmidt, twice, in double.
/// Saxe, McClelland, Ganguli 2014, arXiv:1312.6120.
/// </summary>
[Named("orthogonal")]
public sealed class Orthogonal(Orthogonal.Options options) : Initializer
{
    /// <param name="Gain">Length of a row.</param>
    public sealed record Options([property: Range(0.0, 1e6)] double Gain = 1.0);

    // Of the smaller side's square times the larger side: some seconds on one core.
    private const double MostWork = 2048.0 * 2048 * 2048;

    public override string? Misfit(Shape shape, Fan fan)
    {
        var rows = Math.Max(1, shape.Length / fan.In);
        var (count, length) = (Math.Min(rows, shape.Length / rows), Math.Max(rows, shape.Length / rows));
        return (double)count * count * length <= MostWork ? null
            : $"is {shape}, as a matrix [{rows}, {shape.Length / rows}], and orthogonal makes {count} vectors of {length} orthogonal one after the other. It must be at most as much work as [2048, 2048] is. Use xavierNormal or kaimingNormal: so many random rows are nearly orthogonal anyway.";
    }

    public override void Fill(Span<float> values, Fan fan, ulong key)
    {
        var rows = Math.Max(1, values.Length / fan.In);
        var columns = values.Length / rows;
        var (count, length) = (Math.Min(rows, columns), Math.Max(rows, columns));
        var drawn = new float[values.Length];
        RandomFill.Normal(drawn, key, 0f, 1f);
        var vectors = new double[count][];
        for (var v = 0; v < count; v++)
        {
            var vector = vectors[v] = new double[length];
            for (var i = 0; i < length; i++) vector[i] = drawn[v * length + i];
            for (var pass = 0; pass < 2; pass++) // the second takes what rounding left of the first
                for (var u = 0; u < v; u++) Remove(vector, vectors[u]);
            var norm = Math.Sqrt(Product(vector, vector));
            for (var i = 0; i < length; i++) vector[i] /= norm;
        }
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                values[row * columns + column] = (float)(options.Gain * (rows <= columns ? vectors[row][column] : vectors[column][row]));
    }

    private static void Remove(double[] from, double[] direction)
    {
        var share = Product(from, direction);
        for (var i = 0; i < from.Length; i++) from[i] -= share * direction[i];
    }

    private static double Product(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum = Math.FusedMultiplyAdd(a[i], b[i], sum);
        return sum;
    }
}
