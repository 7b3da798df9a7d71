namespace DistTrain.Kernels;

/// <summary>ILinear on an accelerator.</summary>
public sealed class LinearGpu(GpuDevice device) : ILinear
{
    private readonly ProductKernel<LinearProduct> _forward = new(device);
    private readonly SegmentSums _sums = new(device);

    public void Forward(int rows, int inputs, int outputs, View x, View w, View bias, View y, Epilogue epilogue)
    {
        LinearReference.CheckForward(rows, inputs, outputs, x, w, bias, y);
        _forward.Run(new(GpuBuffer.Of(x), GpuBuffer.Of(w), GpuBuffer.Of(bias), GpuBuffer.Of(y), rows, outputs, inputs,
            bias.IsNone ? 0 : 1, epilogue == Epilogue.Relu ? 1 : 0));
    }

    public void BackwardInput(int rows, int inputs, int outputs, View dy, View w, View dx)
    {
        LinearReference.CheckBackwardInput(rows, inputs, outputs, dy, w, dx);
        device.Op<IMatMul>().Multiply(new MatMulShape(rows, inputs, outputs), dy, w, dx);
    }

    public void BackwardWeights(Segments segments, int rowsPerSample, int inputs, int outputs, View x, View dy, View dw, View dBias)
    {
        LinearReference.CheckBackwardWeights(segments, rowsPerSample, inputs, outputs, x, dy, dw, dBias);
        device.Op<IMatMul>().MultiplySegments(segments, rowsPerSample, outputs, inputs, dy, x, dw);
        if (!dBias.IsNone) _sums.Columns(segments, rowsPerSample, outputs, GpuBuffer.Of(dy), GpuBuffer.Of(dBias));
    }
}
