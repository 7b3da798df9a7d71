namespace DistTrain.Kernels;

/// <summary>Windows over [N, C, H, W]; output size floor((H + 2·padding - kernel) / stride) + 1.</summary>
public readonly record struct Pool2dShape(int Channels, int Height, int Width, int KernelY, int KernelX, int StrideY, int StrideX, int PaddingY = 0, int PaddingX = 0, bool CountPadding = true)
{
    public int OutY => (Height + 2 * PaddingY - KernelY) / StrideY + 1;

    public int OutX => (Width + 2 * PaddingX - KernelX) / StrideX + 1;

    public int InputLength => Channels * Height * Width;

    public int OutputLength => Channels * OutY * OutX;

    /// <summary>Kernel 2 x 2, stride 2, no padding: windows side by side.</summary>
    internal bool IsHalving => (KernelY, KernelX, StrideY, StrideX, PaddingY, PaddingX) == (2, 2, 2, 2, 0, 0);

    /// <summary>Every window holds at least one element, and there is at least one window.</summary>
    internal void ExpectWindows()
    {
        OperandCheck.Positive("pool2d", "channels", Channels);
        OperandCheck.Positive("pool2d", "kernelY", KernelY);
        OperandCheck.Positive("pool2d", "kernelX", KernelX);
        OperandCheck.Positive("pool2d", "strideY", StrideY);
        OperandCheck.Positive("pool2d", "strideX", StrideX);
        if (PaddingY < 0 || PaddingX < 0 || 2 * PaddingY > KernelY || 2 * PaddingX > KernelX)
            throw new ArgumentException($"padding is {PaddingY} x {PaddingX}; it must be between 0 and half the kernel {KernelY} x {KernelX}.");
        if (Height + 2 * PaddingY < KernelY || Width + 2 * PaddingX < KernelX)
            throw new ArgumentException($"the kernel {KernelY} x {KernelX} is larger than the padded input {Height + 2 * PaddingY} x {Width + 2 * PaddingX}; use a smaller kernel or more padding.");
    }
}

/// <summary>y = max over the window; a tie takes the lowest index; padding never wins; NaN wins.</summary>
public interface IMaxPool2d : IOp
{
    /// <summary>y and argmax (int: position inside the sample's H x W plane) are overwritten.</summary>
    void Forward(in Pool2dShape shape, int samples, View x, View y, View argmax);

    /// <summary>dx is overwritten: each dy added where its maximum was, windows in order.</summary>
    void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx);
}

/// <inheritdoc cref="IMaxPool2d"/>
public sealed unsafe class MaxPool2dReference : IMaxPool2d
{
    public MaxPool2dReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in Pool2dShape shape, int samples, View x, View y, View argmax)
    {
        ExpectForward(shape, samples, x, y, argmax);
        for (var plane = 0; plane < samples * shape.Channels; plane++)
            for (var oy = 0; oy < shape.OutY; oy++)
                Windows(shape, x.Floats() + (long)plane * shape.Height * shape.Width,
                    y.Floats() + (long)plane * shape.OutY * shape.OutX, argmax.Ints() + (long)plane * shape.OutY * shape.OutX, oy, 0, shape.OutX);
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx)
    {
        ExpectBackward(shape, samples, dy, argmax, dx);
        for (var plane = 0; plane < samples * shape.Channels; plane++)
            BackwardPlane(shape, dy.Floats() + (long)plane * shape.OutY * shape.OutX,
                argmax.Ints() + (long)plane * shape.OutY * shape.OutX, dx.Floats() + (long)plane * shape.Height * shape.Width);
    }

    // Windows [from, to) of one row of one plane.
    internal static void Windows(in Pool2dShape shape, float* x, float* y, int* argmax, int oy, int from, int to)
    {
        var (width, top) = (shape.Width, oy * shape.StrideY - shape.PaddingY);
        var (firstRow, endRow) = (Math.Max(top, 0), Math.Min(top + shape.KernelY, shape.Height));
        for (var ox = from; ox < to; ox++)
        {
            var left = ox * shape.StrideX - shape.PaddingX;
            var (firstColumn, endColumn) = (Math.Max(left, 0), Math.Min(left + shape.KernelX, width));
            var best = firstRow * width + firstColumn;
            for (var row = firstRow; row < endRow; row++)
                for (var at = row * width + firstColumn; at < row * width + endColumn; at++)
                    if (x[at] > x[best] || (float.IsNaN(x[at]) && !float.IsNaN(x[best]))) best = at;
            y[oy * shape.OutX + ox] = x[best];
            argmax[oy * shape.OutX + ox] = best;
        }
    }

    internal static void BackwardPlane(in Pool2dShape shape, float* dy, int* argmax, float* dx)
    {
        new Span<float>(dx, shape.Height * shape.Width).Clear();
        for (int i = 0, windows = shape.OutY * shape.OutX; i < windows; i++) dx[argmax[i]] += dy[i];
    }

    internal static void ExpectForward(in Pool2dShape shape, int samples, View x, View y, View argmax)
    {
        shape.ExpectWindows();
        OperandCheck.Shape("maxPool2d", "x", x, samples, shape.Channels, shape.Height, shape.Width);
        OperandCheck.Shape("maxPool2d", "y", y, samples, shape.Channels, shape.OutY, shape.OutX);
        OperandCheck.Shape("maxPool2d", "argmax", argmax, samples, shape.Channels, shape.OutY, shape.OutX);
    }

    internal static void ExpectBackward(in Pool2dShape shape, int samples, View dy, View argmax, View dx)
    {
        shape.ExpectWindows();
        OperandCheck.Shape("maxPool2d", "dy", dy, samples, shape.Channels, shape.OutY, shape.OutX);
        OperandCheck.Shape("maxPool2d", "argmax", argmax, samples, shape.Channels, shape.OutY, shape.OutX);
        OperandCheck.Shape("maxPool2d", "dx", dx, samples, shape.Channels, shape.Height, shape.Width);
    }
}
