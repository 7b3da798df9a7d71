namespace DistTrain.Kernels;

/// <summary>The product through register tiles of Vector512 or two Vector256; see <see cref="Product"/>.</summary>
internal sealed unsafe class MatMulCpu(CpuDevice device) : IMatMul
{
    public void Multiply(in MatMulShape shape, View a, View b, View c, bool accumulate = false)
    {
        shape.Check(a, b, c);
        new Product
        {
            Rows = shape.M, Columns = shape.N, Depth = shape.K,
            A = a.Floats(), ARow = shape.TransposeA ? 1 : shape.K, ADepth = shape.TransposeA ? shape.M : 1,
            B = b.Floats(), BDepth = shape.TransposeB ? 1 : shape.N, BColumn = shape.TransposeB ? shape.K : 1,
            C = c.Floats(), CRow = shape.N, CColumn = 1, Accumulate = accumulate,
        }.Run(device);
    }

    public void MultiplySegments(Segments segments, int rowsPerSample, int m, int n, View a, View b, View c)
    {
        MatMulReference.CheckSegments(segments, rowsPerSample, m, n, a, b, c);
        new Product
        {
            Rows = m, Columns = n, Depth = segments.Samples * rowsPerSample,
            A = a.Floats(), ARow = 1, ADepth = m,
            B = b.Floats(), BDepth = n, BColumn = 1,
            C = c.Floats(), CRow = n, CColumn = 1,
        }.Run(device, segments, rowsPerSample);
    }
}
