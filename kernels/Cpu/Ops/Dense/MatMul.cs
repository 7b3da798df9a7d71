namespace DistTrain.Kernels;

/// <summary>C [M, N] = op(A) · op(B).  op(A) [M, K] is stored [M, K], or [K, M] when TransposeA; op(B) [K, N] likewise.</summary>
public readonly record struct MatMulShape(int M, int N, int K, bool TransposeA = false, bool TransposeB = false)
{
    internal void Check(View a, View b, View c)
    {
        OperandCheck.Positive("matMul", "M", M, 0);
        OperandCheck.Positive("matMul", "N", N, 0);
        OperandCheck.Positive("matMul", "K", K, 0);
        OperandCheck.Shape("matMul", "a", a, M, K);
        OperandCheck.Shape("matMul", "b", b, K, N);
        OperandCheck.Shape("matMul", "c", c, M, N);
    }
}

/// <summary>Matrix products. Every element of C is one FMA chain in k order, from +0 (from C's element when accumulating); blocking and threads never change it.</summary>
public interface IMatMul : IOp
{
    /// <summary>C is overwritten, or added to when <paramref name="accumulate"/>. C may not overlap A or B.</summary>
    void Multiply(in MatMulShape shape, View a, View b, View c, bool accumulate = false);

    /// <summary>C [M, N] = tree over segments of (Aᵀ · B), a [rows, M], b [rows, N], rows = samples x rowsPerSample; C is overwritten.</summary>
    /// <remarks>A chunk is at most 512 rows counted from its segment's start, one FMA chain from +0; chunks add in order within the segment; segments fold as <see cref="Segments"/> says, in the tile. Row r belongs to sample r / rowsPerSample.</remarks>
    void MultiplySegments(Segments segments, int rowsPerSample, int m, int n, View a, View b, View c);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class MatMulReference(CpuDevice device) : IMatMul
{
    public CpuDevice Device { get; } = device;

    public void Multiply(in MatMulShape shape, View a, View b, View c, bool accumulate = false)
    {
        shape.Check(a, b, c);
        var (m, n, depth) = (shape.M, shape.N, shape.K);
        float* pa = a.Floats(), pb = b.Floats(), pc = c.Floats();
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++)
            {
                var sum = accumulate ? pc[(long)i * n + j] : 0f;
                for (var k = 0; k < depth; k++)
                    sum = MathF.FusedMultiplyAdd(
                        pa[shape.TransposeA ? (long)k * m + i : (long)i * depth + k],
                        pb[shape.TransposeB ? (long)j * depth + k : (long)k * n + j], sum);
                pc[(long)i * n + j] = sum;
            }
    }

    public void MultiplySegments(Segments segments, int rowsPerSample, int m, int n, View a, View b, View c)
    {
        CheckSegments(segments, rowsPerSample, m, n, a, b, c);
        var count = TileRuns.Count(segments, rowsPerSample);
        int* rows = stackalloc int[count], merges = stackalloc int[count];
        TileRuns.Fill(segments, rowsPerSample, rows, merges);
        Span<float> stack = stackalloc float[TileRuns.StackDepth(segments)];
        float* pa = a.Floats(), pb = b.Floats(), pc = c.Floats();
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++)
            {
                var sums = new PartialSums(stack);
                long row = 0;
                for (var run = 0; run < count; run++)
                {
                    var sum = 0f;
                    for (var end = row + rows[run]; row < end; row++) sum = MathF.FusedMultiplyAdd(pa[row * m + i], pb[row * n + j], sum);
                    sums.Push(sum, merges[run]);
                }
                pc[(long)i * n + j] = sums.Total;
            }
    }

    internal static void CheckSegments(Segments segments, int rowsPerSample, int m, int n, View a, View b, View c)
    {
        const string op = "matMul over segments";
        OperandCheck.Positive(op, "rowsPerSample", rowsPerSample);
        OperandCheck.Positive(op, "m", m, 0);
        OperandCheck.Positive(op, "n", n, 0);
        var rows = (long)segments.Samples * rowsPerSample;
        OperandCheck.Shape(op, "a", a, rows, m);
        OperandCheck.Shape(op, "b", b, rows, n);
        OperandCheck.Shape(op, "c", c, m, n);
    }
}
