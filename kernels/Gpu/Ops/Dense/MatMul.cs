namespace DistTrain.Kernels;

/// <summary>IMatMul on an accelerator.</summary>
public sealed class MatMulGpu(GpuDevice device) : IMatMul
{
    // Left or right operand contiguous along k: [M, K] and [N, K] storage.
    private readonly ProductKernel<MatrixProduct<Yes, No>> _plain = new(device);
    private readonly ProductKernel<MatrixProduct<Yes, Yes>> _rightTransposed = new(device);
    private readonly ProductKernel<MatrixProduct<No, No>> _leftTransposed = new(device);
    private readonly ProductKernel<MatrixProduct<No, Yes>> _bothTransposed = new(device);

    private readonly ProductKernel<SegmentsProduct> _chunks = new(device);
    private readonly SegmentSums _sums = new(device);

    public void Multiply(in MatMulShape shape, View a, View b, View c, bool accumulate = false)
    {
        shape.Check(a, b, c);
        var (m, n, k) = (shape.M, shape.N, shape.K);
        var (left, right, result) = (GpuBuffer.Of(a), GpuBuffer.Of(b), GpuBuffer.Of(c));
        var add = accumulate ? 1 : 0;
        switch (shape.TransposeA, shape.TransposeB)
        {
            case (false, false): _plain.Run(new(left, right, result, m, n, k, k, 1, 1, n, add)); break;
            case (false, true): _rightTransposed.Run(new(left, right, result, m, n, k, k, 1, k, 1, add)); break;
            case (true, false): _leftTransposed.Run(new(left, right, result, m, n, k, 1, m, 1, n, add)); break;
            default: _bothTransposed.Run(new(left, right, result, m, n, k, 1, m, k, 1, add)); break;
        }
    }

    public void MultiplySegments(Segments segments, int rowsPerSample, int m, int n, View a, View b, View c)
    {
        MatMulReference.CheckSegments(segments, rowsPerSample, m, n, a, b, c);
        if (m == 0 || n == 0) return;
        var plan = _sums.Begin(segments, rowsPerSample, m * n);
        for (var wave = 0; wave < plan.Waves; wave++)
        {
            _chunks.Run(new(GpuBuffer.Of(a), GpuBuffer.Of(b), plan.Slots, plan.Chunks(wave), m, n), plan.SlotCount(wave));
            _sums.AddChunks(plan, wave);
        }
        _sums.Finish(plan, GpuBuffer.Of(c));
    }
}
