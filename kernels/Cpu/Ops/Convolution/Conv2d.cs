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

    internal void CheckForward(int samples, View x, View w, View bias, View y)
    {
        Check("conv2d", samples);
        OperandCheck.Shape("conv2d", "x", x, samples, Channels, Height, Width);
        OperandCheck.Shape("conv2d", "w", w, Outputs, Channels / Groups, KernelY, KernelX);
        OperandCheck.ShapeOrAbsent("conv2d", "bias", bias, Outputs);
        OperandCheck.Shape("conv2d", "y", y, samples, Outputs, OutY, OutX);
    }

    internal void CheckBackwardInput(int samples, View dy, View w, View dx)
    {
        const string op = "conv2d, gradient of the input";
        Check(op, samples);
        OperandCheck.Shape(op, "dy", dy, samples, Outputs, OutY, OutX);
        OperandCheck.Shape(op, "w", w, Outputs, Channels / Groups, KernelY, KernelX);
        OperandCheck.Shape(op, "dx", dx, samples, Channels, Height, Width);
    }

    internal void CheckBackwardWeights(Segments segments, View x, View dy, View dw, View dBias)
    {
        const string op = "conv2d, gradient of the weights";
        var samples = segments.Samples;
        Check(op, samples);
        OperandCheck.Shape(op, "x", x, samples, Channels, Height, Width);
        OperandCheck.Shape(op, "dy", dy, samples, Outputs, OutY, OutX);
        OperandCheck.Shape(op, "dw", dw, Outputs, Channels / Groups, KernelY, KernelX);
        OperandCheck.ShapeOrAbsent(op, "dBias", dBias, Outputs);
    }

    private void Check(string op, int samples)
    {
        OperandCheck.Positive(op, "samples", samples, 0);
        OperandCheck.Positive(op, "channels", Channels);
        OperandCheck.Positive(op, "outputs", Outputs);
        OperandCheck.Positive(op, "kernelY", KernelY);
        OperandCheck.Positive(op, "kernelX", KernelX);
        OperandCheck.Positive(op, "strideY", StrideY);
        OperandCheck.Positive(op, "strideX", StrideX);
        OperandCheck.Positive(op, "paddingY", PaddingY, 0);
        OperandCheck.Positive(op, "paddingX", PaddingX, 0);
        OperandCheck.Positive(op, "dilationY", DilationY);
        OperandCheck.Positive(op, "dilationX", DilationX);
        OperandCheck.Positive(op, "groups", Groups);
        if (Channels % Groups != 0 || Outputs % Groups != 0)
            throw new ArgumentException($"{op}: {Channels} channels and {Outputs} outputs in {Groups} groups; the groups must divide both.", "groups");
        if (Height + 2L * PaddingY < DilationY * (KernelY - 1L) + 1 || Width + 2L * PaddingX < DilationX * (KernelX - 1L) + 1)
            throw new ArgumentException($"{op}: the kernel spans {DilationY * (KernelY - 1L) + 1} x {DilationX * (KernelX - 1L) + 1}, the padded input only {Height + 2L * PaddingY} x {Width + 2L * PaddingX}; use a smaller kernel or more padding.", "kernel");
    }
}

/// <summary>Convolution without a column matrix in memory. The algorithm follows from the shape alone.</summary>
public interface IConv2d : IOp
{
    /// <summary>y = epilogue(x ⋆ w + bias); overwritten. Each element: one FMA chain over (c, ky, kx) from +0 (padding contributes FMA with 0), or <see cref="Winograd"/> where its rule says so; then + bias. Bias may be absent.</summary>
    void Forward(in Conv2dShape shape, int samples, View x, View w, View bias, View y, Epilogue epilogue);

    /// <summary>dx [N, C, H, W]; overwritten. Each element: one FMA chain from +0 over the (o, ky, kx) whose output position exists, or <see cref="Winograd"/>.</summary>
    void BackwardInput(in Conv2dShape shape, int samples, View dy, View w, View dx);

    /// <summary>dw and dBias [O]: rows are (sample, output position) in order; chunk, segment and tree as <see cref="IMatMul.MultiplySegments"/>; overwritten. dBias may be absent.</summary>
    /// <remarks>dBias: within a segment 16 lanes, lane l adds the positions p with p mod 16 = l of its samples in order, lanes fold 8-4-2-1; segments fold in the tree.</remarks>
    void BackwardWeights(in Conv2dShape shape, Segments segments, View x, View dy, View dw, View dBias);
}
