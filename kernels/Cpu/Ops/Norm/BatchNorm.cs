namespace DistTrain.Kernels;

/// <summary>y = (x - mean_c) / sqrt(var_c + epsilon) · gamma_c + beta_c over [N, C, P], P = positions; the group is the segment (micro-batch). Ioffe and Szegedy 2015, arXiv:1502.03167.</summary>
/// <remarks>
/// Sums of a segment and channel: each sample's positions are one 16-lane reduction with the fixed fold, samples add in order
/// from +0. mean = sum / count; M2 = sum of (x - mean)²; inverseStd = 1 / sqrt(M2 / count + epsilon);
/// y = fma(x - mean, inverseStd · gamma, beta).
/// </remarks>
public interface IBatchNorm : IOp
{
    /// <param name="mean">[segments, C], saved for the backward pass, overwritten.</param>
    /// <param name="inverseStd">[segments, C], saved, overwritten; biased variance.</param>
    /// <param name="moments">[C, 3] = (count, mean, M2), folded over the segments' tree by the exact pairwise rule; overwritten.</param>
    void Forward(Segments segments, int channels, int positions, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd, View moments);

    /// <summary>With running statistics [C, 3] = (updates, mean, variance) instead of the batch's.</summary>
    void ForwardEvaluation(int samples, int channels, int positions, float epsilon, View x, View gamma, View beta, View running, View y);

    /// <summary>dx overwritten; dGamma, dBeta [C] = tree over segments, overwritten.</summary>
    /// <remarks>s1 = Σ dy, s2 = Σ dy·(x - mean), dBeta = s1, dGamma = s2·inverseStd;  dx = fma(-(x - mean), s2·inverseStd²/count, dy - s1/count) · (gamma·inverseStd).</remarks>
    void Backward(Segments segments, int channels, int positions, View x, View gamma, View mean, View inverseStd, View dy, View dx, View dGamma, View dBeta);
}

/// <inheritdoc cref="IBatchNorm"/>
public sealed unsafe class BatchNormReference(CpuDevice device) : IBatchNorm
{
    public void Forward(Segments segments, int channels, int positions, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd, View moments)
    {
        ExpectForward(segments, channels, positions, x, gamma, beta, y, mean, inverseStd, moments);
        var triples = device.SharedScratch(3L * segments.Count * channels);
        for (var segment = 0; segment < segments.Count; segment++)
            for (var c = 0; c < channels; c++)
            {
                var (start, end) = (segments.Start(segment), segments.End(segment));
                var count = (float)((long)(end - start) * positions);
                var (sum, m2) = (0f, 0f);
                for (var n = start; n < end; n++) sum += Fold(Run(x, n, c, channels, positions), static (_, value, lane) => lane + value, 0);
                var m = sum / count;
                for (var n = start; n < end; n++)
                    m2 += Fold(Run(x, n, c, channels, positions), static (m, value, lane) => MathF.FusedMultiplyAdd(value - m, value - m, lane), m);
                var inverse = 1 / MathF.Sqrt(m2 / count + epsilon);
                mean.Floats()[segment * channels + c] = m;
                inverseStd.Floats()[segment * channels + c] = inverse;
                var triple = triples + 3 * (segment * channels + c);
                (triple[0], triple[1], triple[2]) = (count, m, m2);
                for (var n = start; n < end; n++)
                    Normalize(Run(x, n, c, channels, positions), m, inverse * gamma.Floats()[c], beta.Floats()[c], Run(y, n, c, channels, positions));
            }
        FoldMoments(segments, channels, triples, moments.Floats());
    }

    public void ForwardEvaluation(int samples, int channels, int positions, float epsilon, View x, View gamma, View beta, View running, View y)
    {
        ExpectEvaluation(samples, channels, positions, x, gamma, beta, running, y);
        for (var n = 0; n < samples; n++)
            for (var c = 0; c < channels; c++)
            {
                var inverse = 1 / MathF.Sqrt(running.Floats()[3 * c + 2] + epsilon);
                Normalize(Run(x, n, c, channels, positions), running.Floats()[3 * c + 1], inverse * gamma.Floats()[c], beta.Floats()[c], Run(y, n, c, channels, positions));
            }
    }

    public void Backward(Segments segments, int channels, int positions, View x, View gamma, View mean, View inverseStd, View dy, View dx, View dGamma, View dBeta)
    {
        ExpectBackward(segments, channels, positions, x, gamma, mean, inverseStd, dy, dx, dGamma, dBeta);
        var gammas = device.SharedScratch(2L * segments.Count * channels);
        var betas = gammas + segments.Count * channels;
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        for (var segment = 0; segment < segments.Count; segment++)
            for (var c = 0; c < channels; c++)
            {
                var (start, end) = (segments.Start(segment), segments.End(segment));
                var (m, inverse) = (mean.Floats()[segment * channels + c], inverseStd.Floats()[segment * channels + c]);
                var (s1, s2) = (0f, 0f);
                for (var n = start; n < end; n++)
                {
                    s1 += Fold(Run(dy, n, c, channels, positions), static (_, value, lane) => lane + value, 0);
                    var (values, gradients) = (Run(x, n, c, channels, positions), Run(dy, n, c, channels, positions));
                    lanes.Clear();
                    for (var p = 0; p < positions; p++) lanes[p % 16] = MathF.FusedMultiplyAdd(gradients.AsSpan()[p], values.AsSpan()[p] - m, lanes[p % 16]);
                    s2 += LaneFold.Sum(lanes);
                }
                gammas[segment * channels + c] = s2 * inverse;
                betas[segment * channels + c] = s1;
                var count = (float)((long)(end - start) * positions);
                var (shift, slope, scale) = (s1 / count, s2 * inverse * inverse / count, gamma.Floats()[c] * inverse);
                for (var n = start; n < end; n++)
                {
                    var (values, gradients, result) = (Run(x, n, c, channels, positions), Run(dy, n, c, channels, positions), Run(dx, n, c, channels, positions));
                    for (var p = 0; p < positions; p++)
                        result.AsSpan()[p] = MathF.FusedMultiplyAdd(-(values.AsSpan()[p] - m), slope, gradients.AsSpan()[p] - shift) * scale;
                }
            }
        new Span<float>(SegmentFold.Columns(segments, gammas, channels, 0, channels), channels).CopyTo(dGamma.AsSpan());
        new Span<float>(SegmentFold.Columns(segments, betas, channels, 0, channels), channels).CopyTo(dBeta.AsSpan());
    }

    // Tree over segments of triples [segments, C, 3].
    internal static void FoldMoments(Segments segments, int channels, float* triples, float* moments)
    {
        var stack = stackalloc int[segments.StackDepth];
        var depth = 0;
        for (var segment = 0; segment < segments.Count; segment++)
        {
            stack[depth++] = segment;
            for (var merge = segments.MergesAfter(segment); merge > 0; merge--, depth--)
                for (var c = 0; c < channels; c++)
                    TreeFoldReference.Merge(triples + 3 * (stack[depth - 2] * channels + c), triples + 3 * (stack[depth - 1] * channels + c));
        }
        new Span<float>(triples, 3 * channels).CopyTo(new Span<float>(moments, 3 * channels));
    }

    internal static void ExpectForward(Segments segments, int channels, int positions, View x, View gamma, View beta, View y, View mean, View inverseStd, View moments)
    {
        ArgumentNullException.ThrowIfNull(segments);
        ExpectShape(segments.Samples, channels, positions, x, gamma);
        OperandCheck.Shape("batchNorm", "beta", beta, channels);
        OperandCheck.Shape("batchNorm", "y", y, segments.Samples, channels, positions);
        OperandCheck.Shape("batchNorm", "mean", mean, segments.Count, channels);
        OperandCheck.Shape("batchNorm", "inverseStd", inverseStd, segments.Count, channels);
        OperandCheck.Shape("batchNorm", "moments", moments, channels, 3);
    }

    internal static void ExpectEvaluation(int samples, int channels, int positions, View x, View gamma, View beta, View running, View y)
    {
        ExpectShape(samples, channels, positions, x, gamma);
        OperandCheck.Shape("batchNorm", "beta", beta, channels);
        OperandCheck.Shape("batchNorm", "running", running, channels, 3);
        OperandCheck.Shape("batchNorm", "y", y, samples, channels, positions);
    }

    internal static void ExpectBackward(Segments segments, int channels, int positions, View x, View gamma, View mean, View inverseStd, View dy, View dx, View dGamma, View dBeta)
    {
        ArgumentNullException.ThrowIfNull(segments);
        ExpectShape(segments.Samples, channels, positions, x, gamma);
        OperandCheck.Shape("batchNorm", "mean", mean, segments.Count, channels);
        OperandCheck.Shape("batchNorm", "inverseStd", inverseStd, segments.Count, channels);
        OperandCheck.Shape("batchNorm", "dy", dy, segments.Samples, channels, positions);
        OperandCheck.Shape("batchNorm", "dx", dx, segments.Samples, channels, positions);
        OperandCheck.Shape("batchNorm", "dGamma", dGamma, channels);
        OperandCheck.Shape("batchNorm", "dBeta", dBeta, channels);
    }

    private static void ExpectShape(int samples, int channels, int positions, View x, View gamma)
    {
        OperandCheck.Positive("batchNorm", "channels", channels);
        OperandCheck.Positive("batchNorm", "positions", positions);
        OperandCheck.Shape("batchNorm", "x", x, samples, channels, positions);
        OperandCheck.Shape("batchNorm", "gamma", gamma, channels);
    }

    private static View Run(View x, int sample, int channel, int channels, int positions) => x.Part((sample * channels + channel) * positions, positions);

    // Sixteen lanes over the positions of one sample and channel.
    private static float Fold(View values, Func<float, float, float, float> step, float parameter)
    {
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        lanes.Clear();
        for (var p = 0; p < values.Length; p++) lanes[p % 16] = step(parameter, values.AsSpan()[p], lanes[p % 16]);
        return LaneFold.Sum(lanes);
    }

    private static void Normalize(View x, float mean, float scale, float beta, View y)
    {
        for (var p = 0; p < x.Length; p++) y.AsSpan()[p] = MathF.FusedMultiplyAdd(x.AsSpan()[p] - mean, scale, beta);
    }
}
