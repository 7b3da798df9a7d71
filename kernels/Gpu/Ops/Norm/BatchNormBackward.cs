using ILGPU;

namespace DistTrain.Kernels;

/// <summary>The gradients of batch normalization: sums s1 = Σ dy and s2 = Σ dy·(x - mean) of each segment and channel, then dx element by element.</summary>
internal sealed class BatchNormBackward(GpuDevice device)
{
    private readonly GpuKernel<Arguments> _parts = new(device, PartsKernel);
    private readonly GpuKernel<Arguments> _totals = new(device, TotalsKernel);
    private readonly GpuKernel<Arguments> _inputs = new(device, InputsKernel);
    private readonly SegmentSums _sums = new(device);

    /// <summary>X, Dy, Dx [N, C, P]; Mean, InverseStd [segments, C]; Parts [2, N, C]; Totals [4, segments, C]: s1, s2, and what becomes dBeta and dGamma.</summary>
    public readonly record struct Arguments(
        SegmentTable Segments, ArrayView<float> X, ArrayView<float> Gamma, ArrayView<float> Mean, ArrayView<float> InverseStd, ArrayView<float> Dy,
        ArrayView<float> Dx, ArrayView<float> Parts, ArrayView<float> Totals, int Channels, int Positions, int Samples);

    public void Run(Segments segments, int channels, int positions, View x, View gamma, View mean, View inverseStd, View dy, View dx, View dGamma, View dBeta)
    {
        var (parts, totals) = ((long)segments.Samples * channels, (long)segments.Count * channels);
        var table = device.Table(segments);
        var memory = device.Scratch(2 * parts + 4 * totals);
        var arguments = new Arguments(table, GpuBuffer.Of(x), GpuBuffer.Of(gamma), GpuBuffer.Of(mean), GpuBuffer.Of(inverseStd), GpuBuffer.Of(dy),
            GpuBuffer.Of(dx), memory.SubView(0, 2 * parts), memory.SubView(2 * parts, 4 * totals), channels, positions, segments.Samples);
        _parts.LaunchTeams(parts, arguments);
        _totals.LaunchLine(totals, arguments);
        _inputs.LaunchLine(x.Length, arguments);
        _sums.Fold(table, arguments.Totals.SubView(2 * totals, totals), channels, GpuBuffer.Of(dBeta));
        _sums.Fold(table, arguments.Totals.SubView(3 * totals, totals), channels, GpuBuffer.Of(dGamma));
    }

    private static void PartsKernel(Arguments a)
    {
        var shared = Team.Memory();
        var plane = Team.Index;
        var planes = a.Samples * a.Channels;
        var (s1, s2) = (0f, 0f);
        if (plane < planes)
        {
            var sample = plane / a.Channels;
            var mean = a.Mean[a.Segments.SegmentOf(sample) * a.Channels + plane - sample * a.Channels];
            for (var p = Team.Lane; p < a.Positions; p += Team.Lanes)
            {
                var at = (long)plane * a.Positions + p;
                var dy = a.Dy[at];
                s1 += dy;
                s2 = MathF.FusedMultiplyAdd(dy, a.X[at] - mean, s2);
            }
        }
        s1 = Team.Sum(shared, s1);
        s2 = Team.Sum(shared, s2);
        if (plane >= planes || Team.Lane != 0) return;
        a.Parts[plane] = s1;
        a.Parts[(long)planes + plane] = s2;
    }

    private static void TotalsKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        var segment = i / a.Channels;
        if (segment >= a.Segments.Count) return;
        var channel = i - segment * a.Channels;
        var (planes, totals) = ((long)a.Samples * a.Channels, (long)a.Segments.Count * a.Channels);
        var (s1, s2) = (0f, 0f);
        var end = a.Segments.End(segment);
        for (var sample = a.Segments.Start(segment); sample < end; sample++)
        {
            s1 += a.Parts[(long)sample * a.Channels + channel];
            s2 += a.Parts[planes + (long)sample * a.Channels + channel];
        }
        a.Totals[i] = s1;
        a.Totals[totals + i] = s2;
        a.Totals[2 * totals + i] = s1;
        a.Totals[3 * totals + i] = s2 * a.InverseStd[i];
    }

    private static void InputsKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        var plane = i / a.Positions;
        if (plane >= a.Samples * a.Channels) return;
        var sample = plane / a.Channels;
        var channel = plane - sample * a.Channels;
        var segment = a.Segments.SegmentOf(sample);
        var at = segment * a.Channels + channel;
        float count = (a.Segments.End(segment) - a.Segments.Start(segment)) * a.Positions;
        var inverse = a.InverseStd[at];
        var shift = a.Totals[at] / count;
        var slope = a.Totals[a.Segments.Count * a.Channels + at] * inverse * inverse / count;
        a.Dx[i] = MathF.FusedMultiplyAdd(-(a.X[i] - a.Mean[at]), slope, a.Dy[i] - shift) * (a.Gamma[channel] * inverse);
    }
}
