using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IBatchNorm on an accelerator, in two passes: a team of sixteen threads for each sample and channel, then samples in order within each segment.</summary>
public sealed class BatchNormGpu(GpuDevice device) : IBatchNorm
{
    private readonly GpuKernel<Arguments> _sums = new(device, SumsKernel);
    private readonly GpuKernel<Arguments> _means = new(device, MeansKernel);
    private readonly GpuKernel<Arguments> _squares = new(device, SquaresKernel);
    private readonly GpuKernel<Arguments> _deviations = new(device, DeviationsKernel);
    private readonly GpuKernel<Arguments> _normalize = new(device, NormalizeKernel);
    private readonly GpuKernel<Arguments> _foldMoments = new(device, FoldMomentsKernel);
    private readonly GpuKernel<EvaluationArguments> _evaluate = new(device, EvaluateKernel);
    private readonly BatchNormBackward _backward = new(device);

    /// <summary>X, Y [N, C, P]; Parts [N, C]; Mean, InverseStd [segments, C]; Triples [segments, C, 3]; Moments [C, 3].</summary>
    public readonly record struct Arguments(
        SegmentTable Segments, ArrayView<float> X, ArrayView<float> Gamma, ArrayView<float> Beta, ArrayView<float> Y, ArrayView<float> Mean,
        ArrayView<float> InverseStd, ArrayView<float> Parts, ArrayView<float> Triples, ArrayView<float> Moments, float Epsilon, int Channels, int Positions, int Samples);

    /// <summary>X, Y [N, C, P]; Running [C, 3] = (updates, mean, variance).</summary>
    public readonly record struct EvaluationArguments(
        ArrayView<float> X, ArrayView<float> Gamma, ArrayView<float> Beta, ArrayView<float> Running, ArrayView<float> Y, float Epsilon, int Channels, int Positions, int Count);

    public void Forward(Segments segments, int channels, int positions, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd, View moments)
    {
        BatchNormReference.ExpectForward(segments, channels, positions, x, gamma, beta, y, mean, inverseStd, moments);
        var (parts, triples) = ((long)segments.Samples * channels, 3L * segments.Count * channels);
        var table = device.Table(segments);
        var memory = device.Scratch(parts + triples);
        var arguments = new Arguments(table, GpuBuffer.Of(x), GpuBuffer.Of(gamma), GpuBuffer.Of(beta), GpuBuffer.Of(y), GpuBuffer.Of(mean),
            GpuBuffer.Of(inverseStd), memory.SubView(0, parts), memory.SubView(parts, triples), GpuBuffer.Of(moments), epsilon, channels, positions, segments.Samples);
        _sums.LaunchTeams(parts, arguments);
        _means.LaunchLine((long)segments.Count * channels, arguments);
        _squares.LaunchTeams(parts, arguments);
        _deviations.LaunchLine((long)segments.Count * channels, arguments);
        _normalize.LaunchLine(x.Length, arguments);
        _foldMoments.LaunchLine(channels, arguments);
    }

    public void ForwardEvaluation(int samples, int channels, int positions, float epsilon, View x, View gamma, View beta, View running, View y)
    {
        BatchNormReference.ExpectEvaluation(samples, channels, positions, x, gamma, beta, running, y);
        _evaluate.LaunchLine(x.Length, new(GpuBuffer.Of(x), GpuBuffer.Of(gamma), GpuBuffer.Of(beta), GpuBuffer.Of(running), GpuBuffer.Of(y), epsilon, channels, positions, x.Length));
    }

    public void Backward(Segments segments, int channels, int positions, View x, View gamma, View mean, View inverseStd, View dy, View dx, View dGamma, View dBeta)
    {
        BatchNormReference.ExpectBackward(segments, channels, positions, x, gamma, mean, inverseStd, dy, dx, dGamma, dBeta);
        _backward.Run(segments, channels, positions, x, gamma, mean, inverseStd, dy, dx, dGamma, dBeta);
    }

    private static void SumsKernel(Arguments a)
    {
        var shared = Team.Memory();
        var plane = Team.Index;
        var inside = plane < a.Samples * a.Channels;
        var sum = 0f;
        if (inside)
            for (var p = Team.Lane; p < a.Positions; p += Team.Lanes) sum += a.X[(long)plane * a.Positions + p];
        sum = Team.Sum(shared, sum);
        if (inside && Team.Lane == 0) a.Parts[plane] = sum;
    }

    private static void MeansKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        var segment = i / a.Channels;
        if (segment >= a.Segments.Count) return;
        a.Mean[i] = SampleSum(a, segment, i - segment * a.Channels) / Count(a, segment);
    }

    private static void SquaresKernel(Arguments a)
    {
        var shared = Team.Memory();
        var plane = Team.Index;
        var inside = plane < a.Samples * a.Channels;
        var sum = 0f;
        if (inside)
        {
            var sample = plane / a.Channels;
            var mean = a.Mean[a.Segments.SegmentOf(sample) * a.Channels + plane - sample * a.Channels];
            for (var p = Team.Lane; p < a.Positions; p += Team.Lanes)
            {
                var difference = a.X[(long)plane * a.Positions + p] - mean;
                sum = MathF.FusedMultiplyAdd(difference, difference, sum);
            }
        }
        sum = Team.Sum(shared, sum);
        if (inside && Team.Lane == 0) a.Parts[plane] = sum;
    }

    private static void DeviationsKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        var segment = i / a.Channels;
        if (segment >= a.Segments.Count) return;
        var (m2, count) = (SampleSum(a, segment, i - segment * a.Channels), Count(a, segment));
        a.InverseStd[i] = 1f / MathF.Sqrt(m2 / count + a.Epsilon);
        a.Triples[3L * i] = count;
        a.Triples[3L * i + 1] = a.Mean[i];
        a.Triples[3L * i + 2] = m2;
    }

    private static void NormalizeKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        var plane = i / a.Positions;
        if (plane >= a.Samples * a.Channels) return;
        var sample = plane / a.Channels;
        var channel = plane - sample * a.Channels;
        var at = a.Segments.SegmentOf(sample) * a.Channels + channel;
        a.Y[i] = MathF.FusedMultiplyAdd(a.X[i] - a.Mean[at], a.InverseStd[at] * a.Gamma[channel], a.Beta[channel]);
    }

    // The stack of merged triples lies in the triples themselves, as in SegmentSums.
    private static void FoldMomentsKernel(Arguments a)
    {
        var channel = Grid.GlobalIndex.X;
        if (channel >= a.Channels) return;
        var depth = 0;
        for (var segment = 0; segment < a.Segments.Count; segment++)
        {
            var (top, from) = (3L * (depth * a.Channels + channel), 3L * (segment * a.Channels + channel));
            for (var part = 0; part < 3; part++) a.Triples[top + part] = a.Triples[from + part];
            depth++;
            for (var merge = a.Segments.MergesAfter(segment); merge > 0; merge--)
            {
                depth--;
                TreeFoldGpu.Merge(a.Triples, 3L * ((depth - 1) * a.Channels + channel), a.Triples, 3L * (depth * a.Channels + channel));
            }
        }
        for (var part = 0; part < 3; part++) a.Moments[3L * channel + part] = a.Triples[3L * channel + part];
    }

    private static void EvaluateKernel(EvaluationArguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var plane = i / a.Positions;
        var channel = plane - plane / a.Channels * a.Channels;
        var inverse = 1f / MathF.Sqrt(a.Running[3L * channel + 2] + a.Epsilon);
        a.Y[i] = MathF.FusedMultiplyAdd(a.X[i] - a.Running[3L * channel + 1], inverse * a.Gamma[channel], a.Beta[channel]);
    }

    private static float SampleSum(Arguments a, int segment, int channel)
    {
        var sum = 0f;
        var end = a.Segments.End(segment);
        for (var sample = a.Segments.Start(segment); sample < end; sample++) sum += a.Parts[(long)sample * a.Channels + channel];
        return sum;
    }

    private static float Count(Arguments a, int segment) => (a.Segments.End(segment) - a.Segments.Start(segment)) * a.Positions;
}
