namespace DistTrain.Kernels;

/// <summary>C [M, N] = op(A) · op(B).  op(A) [M, K] is stored [M, K], or [K, M] when TransposeA; op(B) [K, N] likewise.</summary>
public readonly record struct MatMulShape(int M, int N, int K, bool TransposeA = false, bool TransposeB = false);

/// <summary>Matrix products. Every element of C is one FMA chain in k order, from +0 (from C's element when accumulating); blocking and threads never change it.</summary>
public interface IMatMul : IOp
{
    /// <summary>C is overwritten, or added to when <paramref name="accumulate"/>.</summary>
    void Multiply(in MatMulShape shape, View a, View b, View c, bool accumulate = false);

    /// <summary>C [M, N] = tree over segments of (Aᵀ · B), a [rows, M], b [rows, N], rows = samples x rowsPerSample; C is overwritten.</summary>
    /// <remarks>A chunk is at most 512 rows counted from its segment's start, one FMA chain from +0; chunks add in order within the segment; segments fold as <see cref="Segments"/> says, in the tile. Row r belongs to sample r / rowsPerSample.</remarks>
    void MultiplySegments(Segments segments, int rowsPerSample, int m, int n, View a, View b, View c);
}
