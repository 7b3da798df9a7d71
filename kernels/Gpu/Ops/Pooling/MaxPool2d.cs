using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IMaxPool2d on an accelerator: forward one thread for each output, backward one for each input.</summary>
public sealed class MaxPool2dGpu(GpuDevice device) : IMaxPool2d
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X [planes, H, W]; Y, Argmax [planes, OutY, OutX]; Count: threads with work.</summary>
    public readonly record struct Arguments(PoolWindows Windows, ArrayView<float> X, ArrayView<float> Y, ArrayView<int> Argmax, int Count);

    public void Forward(in Pool2dShape shape, int samples, View x, View y, View argmax)
    {
        MaxPool2dReference.ExpectForward(shape, samples, x, y, argmax);
        _forward.LaunchLine(y.Length, new(new PoolWindows(shape), GpuBuffer.Of(x), GpuBuffer.Of(y), GpuBuffer.IntsOf(argmax), y.Length));
    }

    public void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx)
    {
        MaxPool2dReference.ExpectBackward(shape, samples, dy, argmax, dx);
        _backward.LaunchLine(dx.Length, new(new PoolWindows(shape), GpuBuffer.Of(dx), GpuBuffer.Of(dy), GpuBuffer.IntsOf(argmax), dx.Length));
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
        var best = top * w.Width + left;
        var most = a.X[from + best];
        for (var row = top; row < bottom; row++)
            for (var column = left; column < right; column++)
            {
                var at = row * w.Width + column;
                var value = a.X[from + at];
                // NaN wins, and the first of several.
                if (value > most || (IsNaN(value) && !IsNaN(most)))
                {
                    best = at;
                    most = value;
                }
            }
        a.Y[i] = most;
        a.Argmax[i] = best;
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
            {
                var window = from + oy * w.OutX + ox;
                if (a.Argmax[window] == position) sum += a.Y[window];
            }
        a.X[i] = sum;
    }

    private static bool IsNaN(float x) => (Interop.FloatAsInt(x) & 0x7FFFFFFFu) > 0x7F800000u;
}
