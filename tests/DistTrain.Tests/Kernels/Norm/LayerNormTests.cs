using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Norm;

public sealed class LayerNormTests
{
    [Fact]
    public void Rows_match_the_golden_values()
    {
        var golden = GoldenCase.Read("norm", "layernorm");
        var all = EveryBody.Run(device => Run(device, [0, 3], 4, 5, golden.Values("inputs.x"), golden.Values("inputs.gamma"), golden.Values("inputs.beta"), golden.Values("cotangent")));
        golden.AssertClose("output", all.AsSpan(0, 60));
        golden.AssertClose("grads.x", all.AsSpan(60, 60));
        golden.AssertClose("grads.gamma", all.AsSpan(120, 5));
        golden.AssertClose("grads.beta", all.AsSpan(125));
    }

    // Widths around the vector, several chunks of 512 rows, sizes cut for threads.
    [Theory]
    [InlineData(1, 5)]
    [InlineData(4, 16)]
    [InlineData(200, 33)]
    [InlineData(64, 128)]
    public void Every_body_and_every_split_into_leases_gives_the_same_bits(int rowsPerSample, int width)
    {
        int[] starts = [0, 3, 6, 7, 10, 13];
        var sample = rowsPerSample * width;
        var (x, dy, gamma, beta) = (EveryBody.Normal(1, 13 * sample), EveryBody.Normal(2, 13 * sample), EveryBody.Normal(3, width), EveryBody.Normal(4, width));
        var whole = EveryBody.Run(device => Run(device, starts, rowsPerSample, width, x, gamma, beta, dy));
        using var device = new CpuDevice(2);
        foreach (var cover in SegmentSplits.Covers(starts.Length - 1))
        {
            var values = cover.Select(node =>
            {
                var part = (starts[node.First] * sample)..(starts[node.First + node.Count] * sample);
                int[] lease = [.. starts[node.First..(node.First + node.Count + 1)].Select(s => s - starts[node.First])];
                return Run(device, lease, rowsPerSample, width, x[part], gamma, beta, dy[part])[^(2 * width)..];
            }).ToArray();
            EveryBody.AssertSameBits(whole.AsSpan(^(2 * width)..), SegmentSplits.Fold(cover, values), "dGamma, dBeta");
        }
    }

    [Fact]
    public void Without_weights_rows_are_normalized_only()
    {
        var all = EveryBody.Run(device =>
        {
            var (y, statistics, dx) = (device.Unset(6), device.Unset(4), device.Unset(6));
            device.Op<ILayerNorm>().Forward(2, 3, 0.25f, device.View([1f, 2f, 3f, 5f, 5f, 5f]), View.None, View.None, y, statistics.Part(0, 2), statistics.Part(2, 2));
            device.Op<ILayerNorm>().BackwardInput(2, 3, device.View([1f, 2f, 3f, 5f, 5f, 5f]), View.None, statistics.Part(0, 2), statistics.Part(2, 2), device.View([1f, 0f, 0f, 1f, 1f, 1f]), dx);
            return EveryBody.Join(y, statistics, dx);
        });
        Assert.Equal([-1.04447f, 0f, 1.04447f, 0f, 0f, 0f, 2f, 5f, 1.04447f, 2f], all[..10].Select(v => MathF.Round(v, 5)));
        Assert.Equal(0f, all[13..].Max(Math.Abs));
    }

    // y, dx, dGamma, dBeta.
    private static float[] Run(CpuDevice device, int[] starts, int rowsPerSample, int width, float[] x, float[] gamma, float[] beta, float[] dy)
    {
        var (segments, rows, op) = (new Segments(starts), x.Length / width, device.Op<ILayerNorm>());
        var (y, mean, inverse, dx, dGamma, dBeta) = (device.Unset(x.Length), device.Unset(rows), device.Unset(rows), device.View(dy), device.Unset(width), device.Unset(width));
        op.Forward(rows, width, 1e-5f, device.View(x), device.View(gamma), device.View(beta), y, mean, inverse);
        op.BackwardWeights(segments, rowsPerSample, width, device.View(x), mean, inverse, dx, dGamma, dBeta);
        op.BackwardInput(rows, width, device.View(x), device.View(gamma), mean, inverse, dx, dx);
        return EveryBody.Join(y, dx, dGamma, dBeta);
    }
}
