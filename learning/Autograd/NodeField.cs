using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Places [Low, High] along one axis; empty where Low is above High, and past an end where windows reach into padding.</summary>
/// <param name="IsWhole">Every place that there is.</param>
public readonly record struct AxisRange(int Low, int High, bool IsWhole = false)
{
    public static AxisRange Whole { get; } = new(0, 0, true);

    public bool IsEmpty => !IsWhole && Low > High;

    /// <summary>The least range with both.</summary>
    public AxisRange With(AxisRange other) => IsWhole || other.IsWhole ? Whole : IsEmpty ? other : other.IsEmpty ? this : new(Math.Min(Low, other.Low), Math.Max(High, other.High));
}

/// <summary>Which places of an input the outputs at some places look at, along one axis.</summary>
public delegate AxisRange AxisField(AxisRange outputs);

/// <summary>Where the outputs of a node look: along depth (of volumes), height (of volumes and images) and width (of lines too).</summary>
public sealed record NodeField(AxisField Depth, AxisField Height, AxisField Width)
{
    private static readonly AxisField _keep = static range => range;
    private static readonly AxisField _all = static _ => AxisRange.Whole;

    /// <summary>Each at its own place, over all channels.</summary>
    public static NodeField Same { get; } = new(_keep, _keep, _keep);

    /// <summary>Everywhere.</summary>
    public static NodeField Whole { get; } = new(_all, _all, _all);

    /// <summary>Along the last axis everywhere; a vector has no other.</summary>
    public static NodeField Rows(Shape x) => x.Rank == 1 ? Whole : new(_keep, _keep, _all);

    public static NodeField Windows(Conv2dShape shape) => Plane(
        Window(shape.KernelY, shape.StrideY, shape.PaddingY, shape.DilationY), Window(shape.KernelX, shape.StrideX, shape.PaddingX, shape.DilationX));

    /// <param name="alongDepth">The plane's rows are a volume's depth, and its columns what lies at one depth.</param>
    public static NodeField Windows(Pool2dShape shape, bool alongDepth = false)
    {
        AxisField Of(int size, int kernel, int stride, int padding) => kernel == size && padding == 0 ? _all : Window(kernel, stride, padding, 1);
        var rows = Of(shape.Height, shape.KernelY, shape.StrideY, shape.PaddingY);
        return alongDepth ? Depths(rows) : Plane(rows, Of(shape.Width, shape.KernelX, shape.StrideX, shape.PaddingX));
    }

    /// <summary>Windows along the depth alone.</summary>
    public static NodeField Depths(AxisField depth) => new(depth, _keep, _keep);

    /// <summary>Of the convolution from the output to the input.</summary>
    public static NodeField Transposed(Conv2dShape shape) => Plane(
        Spread(shape.KernelY, shape.StrideY, shape.PaddingY, shape.DilationY), Spread(shape.KernelX, shape.StrideX, shape.PaddingX, shape.DilationX));

    /// <summary>Windows that cover a plane.</summary>
    public static NodeField Adaptive(int height, int width, int outY, int outX)
    {
        AxisField Of(int size, int count) => count == 1 ? _all : range => new(Floor(range.Low * size, count), -Floor(-(range.High + 1) * size, count) - 1);
        return Plane(Of(height, outY), Of(width, outX));
    }

    /// <summary>Planes with more places.</summary>
    /// <param name="between">Each lies between two of the input's, at (place + 1/2) / factor - 1/2.</param>
    public static NodeField Enlarged(int factorY, int factorX, bool between = false)
    {
        AxisField Of(int factor) => between
            ? range => new(Floor(2 * range.Low + 1 - factor, 2 * factor), -Floor(factor - 2 * range.High - 1, 2 * factor))
            : range => new(Floor(range.Low, factor), Floor(range.High, factor));
        return Plane(Of(factorY), Of(factorX));
    }

    /// <summary>The windows, one beside the other, that the places lie in.</summary>
    public static NodeField Blocks(Pool2dShape shape)
    {
        static AxisField Of(int kernel, int stride) => range => new(Floor(range.Low, stride) * stride, Floor(range.High, stride) * stride + kernel - 1);
        return Plane(Of(shape.KernelY, shape.StrideY), Of(shape.KernelX, shape.StrideX));
    }

    public static AxisField Window(int kernel, int stride, int padding, int dilation) => range => new(range.Low * stride - padding, range.High * stride - padding + dilation * (kernel - 1));

    private static NodeField Plane(AxisField height, AxisField width) => new(_keep, height, width);

    // Output o gets i's tap t where i·stride + t·dilation = o + padding.
    private static AxisField Spread(int kernel, int stride, int padding, int dilation) => range =>
    {
        var (low, high) = (int.MaxValue, int.MinValue);
        for (var o = range.Low; o <= range.High; o++)
            for (var tap = 0; tap < kernel; tap++)
            {
                var from = o + padding - tap * dilation;
                if (from % stride == 0) (low, high) = (Math.Min(low, from / stride), Math.Max(high, from / stride));
            }
        return new(low, high);
    };

    private static int Floor(int a, int b) => a >= 0 ? a / b : -((b - 1 - a) / b);
}
