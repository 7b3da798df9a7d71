using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IMaxUnpool2d on an accelerator: forward one thread for each place of the large plane, which looks at its own window; backward one for each value.</summary>
public sealed class MaxUnpool2dGpu(GpuDevice device) : IMaxUnpool2d
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X, Argmax [planes, OutY, OutX]; Y [planes, H, W].</summary>
    public readonly record struct Arguments(PoolWindows Windows, ArrayView<float> X, ArrayView<int> Argmax, ArrayView<float> Y, int Count);

    public void Forward(in Pool2dShape shape, int samples, View x, View argmax, View y)
    {
        MaxUnpool2dCpu.Expect(shape, samples, x, argmax, y);
        _forward.LaunchLine(y.Length, new(new PoolWindows(shape), GpuBuffer.Of(x), GpuBuffer.IntsOf(argmax), GpuBuffer.Of(y), y.Length));
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx)
    {
        MaxUnpool2dCpu.Expect(shape, samples, dx, argmax, dy);
        _backward.LaunchLine(dx.Length, new(new PoolWindows(shape), GpuBuffer.Of(dx), GpuBuffer.IntsOf(argmax), GpuBuffer.Of(dy), dx.Length));
    }

    private static void ForwardKernel(Arguments a)
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
        var value = 0f;
        for (var oy = w.FirstY(row); oy <= lastY; oy++)
            for (var ox = firstX; ox <= lastX; ox++)
            {
                var window = from + oy * w.OutX + ox;
                if (a.Argmax[window] == position) value = a.X[window];
            }
        a.Y[i] = value;
    }

    private static void BackwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.X[i] = a.Y[(long)(i / a.Windows.OutPlane) * a.Windows.Plane + a.Argmax[i]];
    }
}
