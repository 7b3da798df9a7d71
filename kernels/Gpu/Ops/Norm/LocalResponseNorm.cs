using ILGPU;

namespace DistTrain.Kernels;

/// <summary>ILocalResponseNorm on an accelerator: one thread for each element, its window in order of channels.</summary>
public sealed class LocalResponseNormGpu(GpuDevice device) : ILocalResponseNorm
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X, Y, Divisors, Dy, Dx [samples, Channels, Positions]; Factor: alpha / size forward, 2·alpha·beta / size backward.</summary>
    public readonly record struct Arguments(
        ArrayView<float> X, ArrayView<float> Y, ArrayView<float> Divisors, ArrayView<float> Dy, ArrayView<float> Dx, int Channels, int Positions, int Size, float Factor, float Beta, float K, int Count);

    public void Forward(in LocalResponseShape shape, int samples, View x, View y, View divisors)
    {
        LocalResponseNormReference.Expect(shape, samples, x, y, divisors);
        _forward.LaunchLine(x.Length, new(GpuBuffer.Of(x), GpuBuffer.Of(y), GpuBuffer.Of(divisors), default, default, shape.Channels, shape.Positions, shape.Size, shape.Alpha / shape.Size, shape.Beta, shape.K, x.Length));
    }

    public void Backward(in LocalResponseShape shape, int samples, View x, View y, View divisors, View dy, View dx)
    {
        LocalResponseNormReference.Expect(shape, samples, x, y, divisors);
        LocalResponseNormReference.Expect(shape, samples, x, dy, dx);
        _backward.LaunchLine(x.Length, new(GpuBuffer.Of(x), GpuBuffer.Of(y), GpuBuffer.Of(divisors), GpuBuffer.Of(dy), GpuBuffer.Of(dx), shape.Channels, shape.Positions, shape.Size, 2 * shape.Alpha * shape.Beta / shape.Size, shape.Beta, shape.K, x.Length));
    }

    private static void ForwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var plane = i / a.Positions;
        var c = plane - plane / a.Channels * a.Channels;
        var first = c - (a.Size >> 1) > 0 ? c - (a.Size >> 1) : 0;
        var last = c + ((a.Size - 1) >> 1) < a.Channels - 1 ? c + ((a.Size - 1) >> 1) : a.Channels - 1;
        var sum = 0f;
        for (var other = first; other <= last; other++)
        {
            var value = a.X[i + (long)(other - c) * a.Positions];
            sum = MathF.FusedMultiplyAdd(value, value, sum);
        }
        var d = MathF.FusedMultiplyAdd(a.Factor, sum, a.K);
        a.Divisors[i] = d;
        a.Y[i] = a.X[i] * Power(d, a.Beta);
    }

    private static void BackwardKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var plane = i / a.Positions;
        var c = plane - plane / a.Channels * a.Channels;
        var first = c - ((a.Size - 1) >> 1) > 0 ? c - ((a.Size - 1) >> 1) : 0;
        var last = c + (a.Size >> 1) < a.Channels - 1 ? c + (a.Size >> 1) : a.Channels - 1;
        var sum = 0f;
        for (var other = first; other <= last; other++)
        {
            var at = i + (long)(other - c) * a.Positions;
            sum += a.Dy[at] * a.Y[at] / a.Divisors[at];
        }
        a.Dx[i] = MathF.FusedMultiplyAdd(-(a.Factor * a.X[i]), sum, a.Dy[i] * Power(a.Divisors[i], a.Beta));
    }

    private static float Power(float d, float beta) => Lane.Exp(Lane1.Of(-beta) * Lane.Log(Lane1.Of(d))).Value;
}
