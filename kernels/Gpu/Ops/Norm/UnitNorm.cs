using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IUnitNorm on an accelerator: one thread for each position of each sample.</summary>
public sealed class UnitNormGpu(GpuDevice device) : IUnitNorm
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X, Y (dy), Dx [samples, Channels, Positions]; Count: samples times positions.</summary>
    public readonly record struct Arguments(ArrayView<float> X, ArrayView<float> Y, ArrayView<float> Dx, int Channels, int Positions, float Epsilon, int Count);

    public void Forward(int samples, int channels, int positions, float epsilon, View x, View y)
    {
        UnitNormCpu.Expect(samples, channels, positions, x, y);
        _forward.LaunchLine((long)samples * positions, new(GpuBuffer.Of(x), GpuBuffer.Of(y), default, channels, positions, epsilon, samples * positions));
    }

    public void Backward(int samples, int channels, int positions, float epsilon, View x, View dy, View dx)
    {
        UnitNormCpu.Expect(samples, channels, positions, x, dy);
        UnitNormCpu.Expect(samples, channels, positions, x, dx);
        _backward.LaunchLine((long)samples * positions, new(GpuBuffer.Of(x), GpuBuffer.Of(dy), GpuBuffer.Of(dx), channels, positions, epsilon, samples * positions));
    }

    private static void ForwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var from = First(a, i);
        var length = Length(a, from);
        var divisor = a.Epsilon > length ? a.Epsilon : length;
        for (var c = 0; c < a.Channels; c++)
        {
            var at = from + (long)c * a.Positions;
            a.Y[at] = a.X[at] / divisor;
        }
    }

    private static void BackwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var from = First(a, i);
        var length = Length(a, from);
        var divisor = a.Epsilon > length ? a.Epsilon : length;
        var along = 0f;
        for (var c = 0; c < a.Channels; c++)
        {
            var at = from + (long)c * a.Positions;
            along = MathF.FusedMultiplyAdd(a.Y[at], a.X[at] / divisor, along);
        }
        if (a.Epsilon > length) along = 0f;
        for (var c = 0; c < a.Channels; c++)
        {
            var at = from + (long)c * a.Positions;
            a.Dx[at] = MathF.FusedMultiplyAdd(-(a.X[at] / divisor), along, a.Y[at]) / divisor;
        }
    }

    private static long First(Arguments a, int i)
    {
        var sample = i / a.Positions;
        return (long)sample * a.Channels * a.Positions + (i - sample * a.Positions);
    }

    private static float Length(Arguments a, long from)
    {
        var squares = 0f;
        for (var c = 0; c < a.Channels; c++)
        {
            var value = a.X[from + (long)c * a.Positions];
            squares = MathF.FusedMultiplyAdd(value, value, squares);
        }
        return MathF.Sqrt(squares);
    }
}
