using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IVector on an accelerator: one thread for each element.</summary>
public sealed class VectorGpu(GpuDevice device) : IVector
{
    private readonly GpuKernel<Arguments> _fill = new(device, FillKernel);
    private readonly GpuKernel<Arguments> _copy = new(device, CopyKernel);
    private readonly GpuKernel<Arguments> _add = new(device, AddKernel);
    private readonly GpuKernel<Arguments> _addScaled = new(device, AddScaledKernel);

    /// <summary>x, y [Count].</summary>
    public readonly record struct Arguments(ArrayView<float> X, ArrayView<float> Y, float Scale, int Count);

    public void Fill(View y, float value) => _fill.LaunchLine(y.Length, new(default, GpuBuffer.Of(y), value, y.Length));

    public void Copy(View x, View y) => _copy.LaunchLine(y.Length, Pair(x, y, 1f));

    public void Add(View x, View y) => _add.LaunchLine(y.Length, Pair(x, y, 1f));

    public void AddScaled(float scale, View x, View y) => _addScaled.LaunchLine(y.Length, Pair(x, y, scale));

    private static Arguments Pair(View x, View y, float scale) => x.Length == y.Length
        ? new(GpuBuffer.Of(x), GpuBuffer.Of(y), scale, y.Length)
        : throw new ArgumentException($"vector: x has {x.Length} elements and y {y.Length}; they must be equal.");

    private static void FillKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.Y[i] = a.Scale;
    }

    private static void CopyKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.Y[i] = a.X[i];
    }

    private static void AddKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.Y[i] = a.Y[i] + a.X[i];
    }

    private static void AddScaledKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i < a.Count) a.Y[i] = MathF.FusedMultiplyAdd(a.Scale, a.X[i], a.Y[i]);
    }
}
