using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IMeanSquaredError on an accelerator: a team of sixteen threads for each sample, then the sum over segments.</summary>
public sealed class MeanSquaredErrorGpu(GpuDevice device) : IMeanSquaredError
{
    private readonly GpuKernel<Arguments> _samples = new(device, SamplesKernel);
    private readonly SegmentSums _sums = new(device);

    /// <summary>Y, Target, Dy [Samples, Elements]; Losses [Samples], overwritten.</summary>
    public readonly record struct Arguments(
        ArrayView<float> Y, ArrayView<float> Target, ArrayView<float> Dy, ArrayView<float> Losses, float Scale, int HasGradient, int Elements, int Samples);

    public void Forward(Segments segments, int elementsPerSample, View y, View target, float scale, View dy, View metrics)
    {
        MeanSquaredErrorCpu.ExpectArguments(segments, elementsPerSample, y, target, dy, metrics);
        // The sum's plan comes first: it may grow the working memory that the losses lie in.
        var reserve = (long)segments.Samples;
        _ = _sums.Begin(segments, 1, 1, reserve);
        var losses = device.Scratch(reserve).SubView(0, reserve);
        _samples.LaunchTeams(segments.Samples, new(GpuBuffer.Of(y), GpuBuffer.Of(target), GpuBuffer.Of(dy), losses, scale, dy.IsNone ? 0 : 1, elementsPerSample, segments.Samples));
        _sums.Columns(segments, 1, 1, losses, GpuBuffer.Of(metrics), add: true, reserve);
    }

    private static void SamplesKernel(Arguments a)
    {
        var shared = Team.Memory();
        var sample = Team.Index;
        var sum = 0f;
        if (sample < a.Samples)
        {
            var from = (long)sample * a.Elements;
            for (var i = Team.Lane; i < a.Elements; i += Team.Lanes)
            {
                var difference = a.Y[from + i] - a.Target[from + i];
                sum = MathF.FusedMultiplyAdd(difference, difference, sum);
                if (a.HasGradient != 0) a.Dy[from + i] = 2f * difference * a.Scale;
            }
        }
        sum = Team.Sum(shared, sum);
        if (sample < a.Samples && Team.Lane == 0) a.Losses[sample] = sum * a.Scale;
    }
}
