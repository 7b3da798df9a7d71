using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IChiSquare on an accelerator: one thread for each term.</summary>
public sealed class ChiSquareGpu(GpuDevice device) : IChiSquare
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X, Dx [samples, 2, Length]; Y (dy) [samples, Length].</summary>
    public readonly record struct Arguments(ArrayView<float> X, ArrayView<float> Y, ArrayView<float> Dx, int Length, int Count);

    public void Forward(int samples, int length, View x, View y)
    {
        OperandCheck.Shape("chiSquare", "x", x, samples, 2, length);
        OperandCheck.Shape("chiSquare", "y", y, samples, length);
        _forward.LaunchLine(y.Length, new(GpuBuffer.Of(x), GpuBuffer.Of(y), default, length, y.Length));
    }

    public void Backward(int samples, int length, View x, View dy, View dx)
    {
        OperandCheck.Shape("chiSquare", "dy", dy, samples, length);
        OperandCheck.Shape("chiSquare", "dx", dx, samples, 2, length);
        _backward.LaunchLine(dy.Length, new(GpuBuffer.Of(x), GpuBuffer.Of(dy), GpuBuffer.Of(dx), length, dy.Length));
    }

    private static void ForwardKernel(Arguments v)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= v.Count) return;
        var at = (long)(i / v.Length) * v.Length + i;
        var d = v.X[at] - v.X[at + v.Length];
        var s = Size(v.X[at]) + Size(v.X[at + v.Length]);
        v.Y[i] = s > 0f ? d * (d / s) : 0f;
    }

    private static void BackwardKernel(Arguments v)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= v.Count) return;
        var at = (long)(i / v.Length) * v.Length + i;
        var a = v.X[at];
        var b = v.X[at + v.Length];
        var d = a - b;
        var s = Size(a) + Size(b);
        var share = s > 0f ? d / s : 0f;
        v.Dx[at] = v.Y[i] * (2f * share - share * share * Sign(a));
        v.Dx[at + v.Length] = v.Y[i] * (-2f * share - share * share * Sign(b));
    }

    private static float Size(float v) => v < 0f ? -v : v;

    private static float Sign(float v) => v > 0f ? 1f : v < 0f ? -1f : 0f;
}
