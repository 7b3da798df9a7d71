using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Norm;

public sealed class BatchNormTests
{
    [Theory]
    [InlineData("batchnorm2d_train", 4, 3, 16)]
    [InlineData("batchnorm1d_train", 6, 4, 1)]
    public void Training_matches_the_golden_values(string name, int samples, int channels, int positions)
    {
        var golden = GoldenCase.Read("norm", name);
        var length = samples * channels * positions;
        var all = EveryBody.Run(device => Run(device, [0, samples], channels, positions,
            golden.Values("inputs.x"), golden.Values("inputs.gamma"), golden.Values("inputs.beta"), golden.Values("cotangent")));
        golden.AssertClose("output", all.AsSpan(0, length));
        golden.AssertClose("grads.x", all.AsSpan(length, length));
        golden.AssertClose("grads.gamma", all.AsSpan(2 * length, channels));
        golden.AssertClose("grads.beta", all.AsSpan(2 * length + channels, channels));
        if (positions == 1) return;

        // Running statistics after one update from (0, 1) at momentum 0.1, variance unbiased.
        var moments = all[(2 * length + 2 * channels)..];
        golden.AssertClose("running_mean_after", [.. Enumerable.Range(0, channels).Select(c => 0.1f * moments[3 * c + 1])]);
        golden.AssertClose("running_var_after", [.. Enumerable.Range(0, channels).Select(c => 0.9f + 0.1f * moments[3 * c + 2] / (moments[3 * c] - 1))]);
    }

    // Positions around the vector width, one position (channels side by side), segments of one sample, sizes cut for threads.
    [Theory]
    [InlineData(3, 5)]
    [InlineData(2, 16)]
    [InlineData(3, 33)]
    [InlineData(5, 1)]
    [InlineData(37, 1)]
    [InlineData(2600, 1)]
    [InlineData(9, 400)]
    public void Every_body_and_every_split_into_leases_gives_the_same_bits(int channels, int positions)
    {
        int[] starts = [0, 3, 6, 7, 10, 13];
        var length = starts[^1] * channels * positions;
        var (x, cotangent) = (EveryBody.Normal(1, length), EveryBody.Normal(2, length));
        var (gamma, beta) = (EveryBody.Normal(3, channels), EveryBody.Normal(4, channels));
        var whole = EveryBody.Run(device => Run(device, starts, channels, positions, x, gamma, beta, cotangent));
        using var device = new CpuDevice(2);
        foreach (var cover in SegmentSplits.Covers(starts.Length - 1))
        {
            var values = cover.Select(node =>
            {
                var part = (starts[node.First] * channels * positions)..(starts[node.First + node.Count] * channels * positions);
                int[] lease = [.. starts[node.First..(node.First + node.Count + 1)].Select(s => s - starts[node.First])];
                return Run(device, lease, channels, positions, x[part], gamma, beta, cotangent[part]);
            }).ToArray();
            var sizes = cover.Select(node => (starts[node.First + node.Count] - starts[node.First]) * channels * positions).ToArray();
            EveryBody.AssertSameBits(whole.AsSpan(0, length), [.. values.SelectMany((v, i) => v[..sizes[i]])], "y");
            EveryBody.AssertSameBits(whole.AsSpan(length, length), [.. values.SelectMany((v, i) => v[sizes[i]..(2 * sizes[i])])], "dx");
            EveryBody.AssertSameBits(whole.AsSpan(2 * length, 2 * channels),
                SegmentSplits.Fold(cover, [.. values.Select((v, i) => v[(2 * sizes[i])..(2 * sizes[i] + 2 * channels)])]), "dGamma, dBeta");
        }
    }

    [Fact]
    public void Moments_of_the_segments_merge_into_those_of_the_batch()
    {
        var x = EveryBody.Normal(1, 12 * 2 * 7);
        var (gamma, beta) = (new float[] { 1, 1 }, new float[] { 0, 0 });
        var moments = EveryBody.Run(device => Run(device, [0, 4, 8, 12], 2, 7, x, gamma, beta, x))[(2 * x.Length + 4)..];
        for (var c = 0; c < 2; c++)
        {
            double[] values = [.. Enumerable.Range(0, 84).Select(i => (double)x[(i / 7 * 2 + c) * 7 + i % 7])];
            Assert.Equal(84, moments[3 * c]);
            Assert.Equal(values.Average(), moments[3 * c + 1], 1e-6);
            Assert.Equal(values.Sum(v => Math.Pow(v - values.Average(), 2)), moments[3 * c + 2], 1e-4);
        }
    }

    [Theory]
    [InlineData(3, 9)]
    [InlineData(21, 1)]
    public void Evaluation_uses_the_running_statistics(int channels, int positions)
    {
        var x = EveryBody.Normal(1, 4 * channels * positions);
        var (gamma, beta, mean) = (EveryBody.Normal(2, channels), EveryBody.Normal(3, channels), EveryBody.Normal(4, channels));
        float[] running = [.. Enumerable.Range(0, channels).SelectMany(c => new[] { 7f, mean[c], 0.5f + c })];
        var y = EveryBody.Run(device =>
        {
            var y = device.Unset(x.Length);
            device.Op<IBatchNorm>().ForwardEvaluation(4, channels, positions, 1e-5f, device.View(x), device.View(gamma), device.View(beta), device.View(running), y);
            return EveryBody.Join(y);
        });
        for (var i = 0; i < y.Length; i++)
        {
            var c = i / positions % channels;
            Assert.Equal((x[i] - mean[c]) / Math.Sqrt(0.5 + c + 1e-5) * gamma[c] + beta[c], y[i], 1e-5);
        }
    }

    [Fact]
    public void A_segment_with_one_value_gives_beta_and_no_gradient()
    {
        var all = EveryBody.Run(device => Run(device, [0, 1], 2, 1, [3, -4], [2, 2], [0.5f, 0.25f], [1, 1]));
        Assert.Equal([0.5f, 0.25f, 0, 0], all[..4]);
    }

    [Fact]
    public void Wrong_shapes_are_named()
    {
        using var device = new CpuDevice(1);
        var error = Assert.Throws<ArgumentException>(() => device.Op<IBatchNorm>().Forward(Segments.One(2), 3, 4, 1e-5f,
            device.Unset(24), device.Unset(3), device.Unset(3), device.Unset(24), device.Unset(3), device.Unset(3), device.Unset(3)));
        Assert.Contains("batchNorm: moments has 3 elements; it must have 9 elements [3, 3].", error.Message);
    }

    // y, dx, dGamma, dBeta, moments.
    private static float[] Run(CpuDevice device, int[] starts, int channels, int positions, float[] x, float[] gamma, float[] beta, float[] cotangent)
    {
        var (op, segments) = (device.Op<IBatchNorm>(), new Segments(starts));
        var (y, mean, inverse) = (device.Unset(x.Length), device.Unset(segments.Count * channels), device.Unset(segments.Count * channels));
        var (moments, dx, dGamma, dBeta) = (device.Unset(3 * channels), device.Unset(x.Length), device.Unset(channels), device.Unset(channels));
        op.Forward(segments, channels, positions, 1e-5f, device.View(x), device.View(gamma), device.View(beta), y, mean, inverse, moments);
        op.Backward(segments, channels, positions, device.View(x), device.View(gamma), mean, inverse, device.View(cotangent), dx, dGamma, dBeta);
        return EveryBody.Join(y, dx, dGamma, dBeta, moments);
    }
}
