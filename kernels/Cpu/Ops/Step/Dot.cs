namespace DistTrain.Kernels;

/// <summary>Inner products in double over stretches of two vectors: element i of a stretch adds to lane i mod 16, lanes are folded in pairs, stretches add in order.</summary>
public interface IDot : IOp
{
    /// <summary>Σ a·b over the runs; a product of two floats is exact in double.</summary>
    double Product(View a, View b, IReadOnlyList<(int Start, int Length)> runs);

    /// <summary>Σ |a| over the runs.</summary>
    double Absolute(View a, IReadOnlyList<(int Start, int Length)> runs);
}

/// <inheritdoc cref="IDot"/>
public sealed class DotReference : IDot
{
    public DotReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public double Product(View a, View b, IReadOnlyList<(int Start, int Length)> runs) => DotCpu.Sum(a, b, runs);

    public double Absolute(View a, IReadOnlyList<(int Start, int Length)> runs) => DotCpu.Sum(a, View.None, runs);
}

/// <inheritdoc cref="IDot"/>
/// <remarks>The reference's loops: a rule for small problems.</remarks>
public sealed unsafe class DotCpu : IDot
{
    private const int Lanes = 16;

    public DotCpu(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public double Product(View a, View b, IReadOnlyList<(int Start, int Length)> runs) => Sum(a, b, runs);

    public double Absolute(View a, IReadOnlyList<(int Start, int Length)> runs) => Sum(a, View.None, runs);

    internal static double Sum(View a, View b, IReadOnlyList<(int Start, int Length)> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        OperandCheck.ShapeOrAbsent("dot", "b", b, a.Length);
        Span<double> lanes = stackalloc double[Lanes];
        var total = 0.0;
        for (var r = 0; r < runs.Count; r++)
        {
            var (start, length) = runs[r];
            _ = a.Part(start, length); // or it throws
            float* x = a.Floats() + start, y = b.IsNone ? null : b.Floats() + start;
            lanes.Clear();
            for (var i = 0; i < length; i++) lanes[i % Lanes] += y == null ? Math.Abs((double)x[i]) : (double)x[i] * y[i];
            for (var width = Lanes / 2; width > 0; width /= 2)
                for (var i = 0; i < width; i++) lanes[i] += lanes[i + width];
            total += lanes[0];
        }
        return total;
    }
}
