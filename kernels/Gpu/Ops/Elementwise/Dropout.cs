using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IDropout on an accelerator: each thread draws its element's word again; the mask is that of every other device.</summary>
public sealed class DropoutGpu(GpuDevice device) : IDropout
{
    private readonly GpuKernel<Arguments> _apply = new(device, ApplyKernel);

    /// <summary>X, Y [Samples, Elements]; Indexes [Samples]: the data set index of each sample.</summary>
    public readonly record struct Arguments(
        ArrayView<int> Indexes, ArrayView<float> X, ArrayView<float> Y, ulong Key, float Probability, float Kept, int Elements, int Count);

    public void Apply(ulong key, float probability, int elementsPerSample, View sampleIndexes, View x, View y)
    {
        DropoutCpu.ExpectArguments(probability, elementsPerSample, sampleIndexes, x, y);
        _apply.LaunchLine(x.Length, new(GpuBuffer.IntsOf(sampleIndexes), GpuBuffer.Of(x), GpuBuffer.Of(y), key, probability, 1 - probability, elementsPerSample, x.Length));
    }

    private static void ApplyKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var sample = i / a.Elements;
        var uniform = Philox.Uniform(Philox.Word(a.Key, (uint)a.Indexes[sample], i - sample * a.Elements));
        a.Y[i] = uniform >= a.Probability ? a.X[i] / a.Kept : 0f;
    }
}
