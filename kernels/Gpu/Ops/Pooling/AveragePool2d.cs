using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IAveragePool2d on an accelerator: forward one thread for each output, backward one for each input.</summary>
public sealed class AveragePool2dGpu(GpuDevice device) : IAveragePool2d
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X [planes, H, W]; Y [planes, OutY, OutX]; Count: threads with work.</summary>
    public readonly record struct Arguments(PoolWindows Windows, ArrayView<float> X, ArrayView<float> Y, int Count);

    public void Forward(in Pool2dShape shape, int samples, View x, View y)
    {
        AveragePool2dReference.ExpectPlanes(shape, samples, x, y);
        _forward.LaunchLine(y.Length, new(new PoolWindows(shape), GpuBuffer.Of(x), GpuBuffer.Of(y), y.Length));
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View dx)
    {
        AveragePool2dReference.ExpectPlanes(shape, samples, dx, dy);
        _backward.LaunchLine(dx.Length, new(new PoolWindows(shape), GpuBuffer.Of(dx), GpuBuffer.Of(dy), dx.Length));
    }

    private static void ForwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var w = a.Windows;
        var plane = i / w.OutPlane;
        var position = i - plane * w.OutPlane;
        var oy = position / w.OutX;
        var (top, left) = (oy * w.StrideY - w.PaddingY, (position - oy * w.OutX) * w.StrideX - w.PaddingX);
        var (bottom, right) = (PoolWindows.Least(top + w.KernelY, w.Height), PoolWindows.Least(left + w.KernelX, w.Width));
        (top, left) = (PoolWindows.Inside(top), PoolWindows.Inside(left));
        var from = (long)plane * w.Plane;
        var sum = 0f;
        for (var row = top; row < bottom; row++)
            for (var column = left; column < right; column++) sum += a.X[from + row * w.Width + column];
        a.Y[i] = sum / w.Size(bottom - top, right - left);
    }

    private static void BackwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var w = a.Windows;
        var plane = i / w.Plane;
        var position = i - plane * w.Plane;
        var row = position / w.Width;
        var column = position - row * w.Width;
        var (lastY, firstX, lastX) = (w.LastY(row), w.FirstX(column), w.LastX(column));
        var from = (long)plane * w.OutPlane;
        var sum = 0f;
        for (var oy = w.FirstY(row); oy <= lastY; oy++)
            for (var ox = firstX; ox <= lastX; ox++)
                sum += a.Y[from + oy * w.OutX + ox] / w.Size(PoolWindows.Within(oy * w.StrideY - w.PaddingY, w.KernelY, w.Height), PoolWindows.Within(ox * w.StrideX - w.PaddingX, w.KernelX, w.Width));
        a.X[i] = sum;
    }
}
