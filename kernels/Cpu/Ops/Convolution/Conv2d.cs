namespace DistTrain.Kernels;

/// <summary>2-D cross-correlation as PyTorch's conv2d.  x [N, C, H, W]  w [O, C / Groups, KernelY, KernelX]  y [N, O, OutY, OutX].</summary>
public readonly record struct Conv2dShape(
    int Channels, int Height, int Width, int Outputs, int KernelY, int KernelX,
    int StrideY = 1, int StrideX = 1, int PaddingY = 0, int PaddingX = 0, int DilationY = 1, int DilationX = 1, int Groups = 1)
{
    /// <summary>floor((H + 2·padding - dilation·(kernel - 1) - 1) / stride) + 1.</summary>
    public int OutY => (Height + 2 * PaddingY - DilationY * (KernelY - 1) - 1) / StrideY + 1;

    public int OutX => (Width + 2 * PaddingX - DilationX * (KernelX - 1) - 1) / StrideX + 1;

    /// <summary>Elements of one sample's input.</summary>
    public int InputLength => Channels * Height * Width;

    /// <summary>Elements of one sample's output.</summary>
    public int OutputLength => Outputs * OutY * OutX;

    public int WeightLength => Outputs * (Channels / Groups) * KernelY * KernelX;
}

/// <summary>Convolution without a column matrix in memory. The algorithm follows from the shape alone.</summary>
public interface IConv2d : IOp
{
    /// <summary>y = epilogue(x ⋆ w + bias); overwritten. Each element: one FMA chain over (c, ky, kx) from +0 (padding contributes FMA with 0), then + bias. Bias may be absent.</summary>
    void Forward(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue);

    /// <summary>dx [N, C, H, W]; overwritten; a fixed chain over (o, ky, kx) for each element.</summary>
    void BackwardInput(in Conv2dShape shape, int samples, View dy, View w, View dx);

    /// <summary>dw and dBias [O]: rows are (sample, output position) in order; chunk, segment and tree as <see cref="IMatMul.MultiplySegments"/>; overwritten. dBias may be absent.</summary>
    void BackwardWeights(in Conv2dShape shape, Segments segments, View x, View dy, View dw, View dBias);
}
