namespace DistTrain.Kernels;

/// <summary>Pooling windows as kernels see them. Threads walk outputs (forward) or inputs (backward), so every sum has one writer and a fixed order.</summary>
public readonly record struct PoolWindows(int Height, int Width, int OutY, int OutX, int KernelY, int KernelX, int StrideY, int StrideX, int PaddingY, int PaddingX, int CountPadding)
{
    public PoolWindows(in Pool2dShape shape) : this(shape.Height, shape.Width, shape.OutY, shape.OutX, shape.KernelY, shape.KernelX,
        shape.StrideY, shape.StrideX, shape.PaddingY, shape.PaddingX, shape.CountPadding ? 1 : 0)
    {
    }

    public int Plane => Height * Width;

    public int OutPlane => OutY * OutX;

    /// <summary>First and last window row that covers an input row.</summary>
    public int FirstY(int row) => First(row + PaddingY, KernelY, StrideY);

    public int LastY(int row) => Least((row + PaddingY) / StrideY, OutY - 1);

    public int FirstX(int column) => First(column + PaddingX, KernelX, StrideX);

    public int LastX(int column) => Least((column + PaddingX) / StrideX, OutX - 1);

    /// <summary>What the sum of a window of so many rows and columns inside the plane is divided by.</summary>
    public int Size(int rows, int columns) => CountPadding != 0 ? KernelY * KernelX : rows * columns;

    /// <summary>The rows (or columns) of a window that stand inside.</summary>
    public static int Within(int start, int kernel, int size) => Least(start + kernel, size) - Inside(start);

    /// <summary>A window's first row inside the input; top may be negative.</summary>
    public static int Inside(int top) => top < 0 ? 0 : top;

    public static int Least(int a, int b) => a < b ? a : b;

    // The least o with o · stride + kernel > padded.
    private static int First(int padded, int kernel, int stride) => padded < kernel ? 0 : (padded - kernel) / stride + 1;
}
