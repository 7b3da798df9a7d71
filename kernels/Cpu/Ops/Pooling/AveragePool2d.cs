namespace DistTrain.Kernels;

/// <summary>y = (sum over the window, row by row) / size: KernelY · KernelX, padding counted as zeros, or the window's elements inside the plane alone (PyTorch's count_include_pad true and false).</summary>
public interface IAveragePool2d : IOp
{
    void Forward(in Pool2dShape shape, int samples, View x, View y);

    /// <summary>dx is overwritten: from 0, each dy / size added to every element of its window, windows in order.</summary>
    void Backward(in Pool2dShape shape, int samples, View dy, View dx);
}

/// <inheritdoc cref="IAveragePool2d"/>
public sealed unsafe class AveragePool2dReference : IAveragePool2d
{
    public AveragePool2dReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in Pool2dShape shape, int samples, View x, View y)
    {
        ExpectPlanes(shape, samples, x, y);
        for (var plane = 0; plane < samples * shape.Channels; plane++)
            for (var oy = 0; oy < shape.OutY; oy++)
                Windows(shape, x.Floats() + (long)plane * shape.Height * shape.Width, y.Floats() + (long)plane * shape.OutY * shape.OutX, oy, 0, shape.OutX);
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View dx)
    {
        ExpectPlanes(shape, samples, dx, dy);
        for (var plane = 0; plane < samples * shape.Channels; plane++)
            BackwardPlane(shape, dy.Floats() + (long)plane * shape.OutY * shape.OutX, dx.Floats() + (long)plane * shape.Height * shape.Width);
    }

    // Windows [from, to) of one row of one plane.
    internal static void Windows(in Pool2dShape shape, float* x, float* y, int oy, int from, int to)
    {
        var (width, top) = (shape.Width, oy * shape.StrideY - shape.PaddingY);
        var (firstRow, endRow) = (Math.Max(top, 0), Math.Min(top + shape.KernelY, shape.Height));
        for (var ox = from; ox < to; ox++)
        {
            var left = ox * shape.StrideX - shape.PaddingX;
            var (firstColumn, endColumn) = (Math.Max(left, 0), Math.Min(left + shape.KernelX, width));
            var sum = 0f;
            for (var row = firstRow; row < endRow; row++)
                for (var at = row * width + firstColumn; at < row * width + endColumn; at++) sum += x[at];
            y[oy * shape.OutX + ox] = sum / Size(shape, endRow - firstRow, endColumn - firstColumn);
        }
    }

    internal static void BackwardPlane(in Pool2dShape shape, float* dy, float* dx)
    {
        var (width, height, outX, outY) = (shape.Width, shape.Height, shape.OutX, shape.OutY);
        new Span<float>(dx, height * width).Clear();
        for (var oy = 0; oy < outY; oy++)
        {
            var top = oy * shape.StrideY - shape.PaddingY;
            var (firstRow, endRow) = (Math.Max(top, 0), Math.Min(top + shape.KernelY, height));
            for (var ox = 0; ox < outX; ox++)
            {
                var left = ox * shape.StrideX - shape.PaddingX;
                var (firstColumn, endColumn) = (Math.Max(left, 0), Math.Min(left + shape.KernelX, width));
                var share = dy[oy * outX + ox] / Size(shape, endRow - firstRow, endColumn - firstColumn);
                for (var row = firstRow; row < endRow; row++)
                    for (var at = row * width + firstColumn; at < row * width + endColumn; at++) dx[at] += share;
            }
        }
    }

    /// <summary>What a window's sum is divided by.</summary>
    internal static int Size(in Pool2dShape shape, int rows, int columns) => shape.CountPadding ? shape.KernelY * shape.KernelX : rows * columns;

    internal static void ExpectPlanes(in Pool2dShape shape, int samples, View x, View y)
    {
        shape.ExpectWindows();
        OperandCheck.Shape("averagePool2d", "x", x, samples, shape.Channels, shape.Height, shape.Width);
        OperandCheck.Shape("averagePool2d", "y", y, samples, shape.Channels, shape.OutY, shape.OutX);
    }
}
