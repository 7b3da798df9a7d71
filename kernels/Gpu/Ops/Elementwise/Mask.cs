using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IMask on an accelerator: each thread draws its element's word; the mask is that of every other device.</summary>
public sealed class MaskGpu(GpuDevice device) : IMask
{
    private readonly GpuKernel<Arguments> _apply = new(device, ApplyKernel);

    /// <summary>X, Y [rows, Elements]; Indexes [rows].</summary>
    public readonly record struct Arguments(ArrayView<int> Indexes, ArrayView<float> X, ArrayView<float> Y, ulong Key, float Probability, float Scale, int Elements, int Count);

    public void Apply(ulong key, float probability, float scale, int elements, View indexes, View x, View y)
    {
        DropoutCpu.ExpectArguments(probability, elements, indexes, x, y);
        _apply.LaunchLine(x.Length, new(GpuBuffer.IntsOf(indexes), GpuBuffer.Of(x), GpuBuffer.Of(y), key, probability, scale, elements, x.Length));
    }

    private static void ApplyKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var row = i / a.Elements;
        var uniform = Philox.Uniform(Philox.Word(a.Key, (uint)a.Indexes[row], i - row * a.Elements));
        a.Y[i] = uniform >= a.Probability ? a.X[i] * a.Scale : 0f;
    }
}
