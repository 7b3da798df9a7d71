using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IElementwiseLoss on an accelerator: a team of sixteen threads for each sample, then the sums over segments.</summary>
public sealed class ElementwiseLossGpu<TFunction>(GpuDevice device) : IElementwiseLoss<TFunction> where TFunction : unmanaged, ILossFunction
{
    private readonly GpuKernel<Arguments> _samples = new(device, SamplesKernel);
    private readonly SegmentSums _sums = new(device);

    /// <summary>Y, Target, Dy [Samples, Elements]; Losses and Hits [Samples], overwritten.</summary>
    public readonly record struct Arguments(
        TFunction Function, ArrayView<float> Y, ArrayView<float> Target, ArrayView<float> Dy, ArrayView<float> Losses, ArrayView<float> Hits, float Scale, int HasGradient, int HasLabels, int Elements, int Samples);

    public void Forward(TFunction function, Segments segments, int elementsPerSample, View y, View target, bool labels, float scale, View dy, View metrics)
    {
        ElementwiseLossCpu<TFunction>.ExpectArguments(segments, elementsPerSample, y, target, dy, metrics);
        // The sum's plan comes first: it may grow the working memory that the losses lie in.
        var reserve = 2L * segments.Samples;
        _ = _sums.Begin(segments, 1, 1, reserve);
        var (losses, hits) = (device.Scratch(reserve).SubView(0, segments.Samples), device.Scratch(reserve).SubView(segments.Samples, segments.Samples));
        _samples.LaunchTeams(segments.Samples, new(function, GpuBuffer.Of(y), GpuBuffer.Of(target), GpuBuffer.Of(dy), losses, hits, scale, dy.IsNone ? 0 : 1, labels ? 1 : 0, elementsPerSample, segments.Samples));
        _sums.Columns(segments, 1, 1, losses, GpuBuffer.Of(metrics.Part(0, 1)), add: true, reserve);
        if (TFunction.CountsHits) _sums.Columns(segments, 1, 1, hits, GpuBuffer.Of(metrics.Part(1, 1)), add: true, reserve);
    }

    private static void SamplesKernel(Arguments a)
    {
        var shared = Team.Memory();
        var sample = Team.Index;
        var (sum, misses) = (0f, 0f);
        if (sample < a.Samples)
        {
            var from = (long)sample * a.Elements;
            for (var i = Team.Lane; i < a.Elements; i += Team.Lanes)
            {
                var y = Lane1.Of(a.Y[from + i]);
                var raw = a.Target[from + i];
                var target = Lane1.Of(a.HasLabels != 0 ? (float)Interop.FloatAsInt(raw) : raw);
                sum += a.Function.Value(y, target).Value;
                if (TFunction.CountsHits) misses += a.Function.Miss(y, target).Value;
                if (a.HasGradient != 0) a.Dy[from + i] = a.Function.Slope(y, target).Value * a.Scale;
            }
        }
        sum = Team.Sum(shared, sum);
        misses = Team.Sum(shared, misses);
        if (sample >= a.Samples || Team.Lane != 0) return;
        a.Losses[sample] = sum * a.Scale;
        a.Hits[sample] = misses == 0f ? 1f : 0f;
    }
}
