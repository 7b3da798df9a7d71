using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Loss;

public sealed class LossTests
{
    [Theory]
    [InlineData("cross_entropy", 0f)]
    [InlineData("cross_entropy_label_smoothing_0.1", 0.1f)]
    public void Cross_entropy_matches_the_golden_values(string name, float smoothing)
    {
        var golden = GoldenCase.Read("loss", name);
        var cotangent = golden.Values("cotangent")[0];
        int[] labels = [.. golden.Values("inputs.target").Select(v => (int)v)];
        var all = EveryBody.Run(device => CrossEntropy(device, [0, 6], 1, 5, golden.Values("inputs.y"), labels, 1f / 6, smoothing));
        golden.AssertClose("output", all.AsSpan(0, 1));
        golden.AssertClose("grads.y", [.. all[2..].Select(g => g * cotangent)]);
    }

    [Fact]
    public void Mean_squared_error_matches_the_golden_values()
    {
        var golden = GoldenCase.Read("loss", "mse");
        var cotangent = golden.Values("cotangent")[0];
        var all = EveryBody.Run(device => SquaredError(device, [0, 4], 3, golden.Values("inputs.y"), golden.Values("inputs.target"), 1f / 12));
        golden.AssertClose("output", all.AsSpan(0, 1));
        golden.AssertClose("grads.y", [.. all[1..].Select(g => g * cotangent)]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(100)]
    [InlineData(1003)]
    public void Every_body_and_every_split_into_leases_gives_the_same_bits(int classes)
    {
        const int rowsPerSample = 3;
        int[] starts = [0, 16, 32, 44, 60, 76];
        var rows = starts[^1] * rowsPerSample;
        var logits = EveryBody.Normal(1, rows * classes);
        for (var i = 0; i < logits.Length; i += 4) logits[i] = MathF.Round(logits[i] * 3);
        int[] labels = [.. Enumerable.Range(0, rows).Select(r => r * 31 % classes)];
        foreach (var smoothing in new[] { 0f, 0.1f })
        {
            var whole = EveryBody.Run(device => CrossEntropy(device, starts, rowsPerSample, classes, logits, labels, 0.01f, smoothing));
            var exact = Enumerable.Range(0, rows).Sum(r => RowLoss(logits.AsSpan(r * classes, classes), labels[r], smoothing)) * 0.01;
            Assert.Equal(exact, whole[0], 2e-6 * Math.Max(1, exact));
            using var device = new CpuDevice(2);
            foreach (var cover in SegmentSplits.Covers(starts.Length - 1))
            {
                var values = cover.Select(node => CrossEntropy(device, Lease(starts, node), rowsPerSample, classes,
                    logits[(starts[node.First] * rowsPerSample * classes)..(starts[node.First + node.Count] * rowsPerSample * classes)],
                    labels[(starts[node.First] * rowsPerSample)..(starts[node.First + node.Count] * rowsPerSample)], 0.01f, smoothing)).ToArray();
                EveryBody.AssertSameBits(whole.AsSpan(0, 2), SegmentSplits.Fold(cover, [.. values.Select(v => v[..2])]), "loss and hits");
                EveryBody.AssertSameBits(whole.AsSpan(2), [.. values.SelectMany(v => v[2..])], "gradient");
            }
        }
    }

    [Fact]
    public void Long_segments_are_summed_in_chunks_of_512_rows()
    {
        var (y, target) = (EveryBody.Normal(1, 1500), new float[1500]);
        var all = EveryBody.Run(device => SquaredError(device, [0, 1200, 1500], 1, y, target, 1));
        float Chunk(int start, int end) => y[start..end].Aggregate(0f, (sum, v) => sum + v * v);
        Assert.Equal(Chunk(0, 512) + Chunk(512, 1024) + Chunk(1024, 1200) + Chunk(1200, 1500), all[0]);
    }

    [Fact]
    public void Squared_error_gives_the_same_bits_for_every_body_and_split()
    {
        int[] starts = [0, 40, 80, 120, 150];
        var (y, target) = (EveryBody.Normal(1, 150 * 703), EveryBody.Normal(2, 150 * 703));
        var whole = EveryBody.Run(device => SquaredError(device, starts, 703, y, target, 1e-3f));
        using var device = new CpuDevice(1);
        foreach (var cover in SegmentSplits.Covers(4))
        {
            var values = cover.Select(node =>
            {
                var part = (starts[node.First] * 703)..(starts[node.First + node.Count] * 703);
                return SquaredError(device, Lease(starts, node), 703, y[part], target[part], 1e-3f);
            }).ToArray();
            EveryBody.AssertSameBits(whole.AsSpan(0, 1), SegmentSplits.Fold(cover, [.. values.Select(v => v[..1])]), "loss");
        }
    }

    [Fact]
    public void Accuracy_counts_the_lowest_index_on_ties()
    {
        float[] logits = [1, 3, 3, 0, /**/ 1, 3, 3, 0, /**/ 2, 2, 2, 2, /**/ -1, -2, -3, -0.5f, /**/ float.NaN, 1, 2, 3];
        var all = EveryBody.Run(device => CrossEntropy(device, [0, 5], 1, 4, logits, [1, 2, 0, 3, 0], 1, 0));
        Assert.Equal(3, all[1]);
        Assert.Equal(float.NaN, all[0]);
    }

    [Fact]
    public void Extreme_logits_stay_finite()
    {
        var all = EveryBody.Run(device => CrossEntropy(device, [0, 2], 1, 3, [1e30f, -1e30f, 0, 88, 89, 3e38f], [0, 2], 1, 0));
        Assert.Equal([0, 2, 0, 0, 0, 0, 0, 0], all);
    }

    [Fact]
    public void Metrics_are_added_to_and_the_gradient_may_be_absent_or_in_place()
    {
        foreach (var body in Enum.GetValues<InstructionSet>())
        {
            using var device = new CpuDevice(1, body);
            var logits = EveryBody.Normal(1, 4 * 20);
            var (metrics, again, place, dLogits) = (device.View([10f, 20f]), device.View([10f, 20f]), device.View(logits), device.Unset(80));
            var (op, labels) = (device.Op<ISoftmaxCrossEntropy>(), device.View([3, 9, 11, 19]));
            op.Forward(Segments.One(4), 1, 20, device.View(logits), labels, 0.25f, 0.1f, dLogits, metrics);
            op.Forward(Segments.One(4), 1, 20, device.View(logits), labels, 0.25f, 0.1f, View.None, again);
            EveryBody.AssertSameBits(metrics.AsSpan(), again.AsSpan(), "without a gradient");
            op.Forward(Segments.One(4), 1, 20, place, labels, 0.25f, 0.1f, place, again);
            EveryBody.AssertSameBits(dLogits.AsSpan(), place.AsSpan(), "in place");
            Assert.InRange(metrics.AsSpan()[0], 11, 16);
        }
    }

    [Fact]
    public void A_label_outside_the_classes_is_named()
    {
        foreach (var body in Enum.GetValues<InstructionSet>())
        {
            using var device = new CpuDevice(1, body);
            var error = Assert.Throws<ArgumentOutOfRangeException>(() =>
                device.Op<ISoftmaxCrossEntropy>().Forward(Segments.One(2), 1, 10, device.Unset(20), device.View([3, 10]), 1, 0, View.None, device.Unset(2)));
            Assert.Contains("the label of row 1 is 10; it must be in [0, 10).", error.Message);
        }
    }

    private static int[] Lease(int[] starts, (int First, int Count) node) =>
        [.. starts[node.First..(node.First + node.Count + 1)].Select(s => s - starts[node.First])];

    // loss, hits, gradient.
    private static float[] CrossEntropy(CpuDevice device, int[] starts, int rowsPerSample, int classes, float[] logits, int[] labels, float scale, float smoothing)
    {
        var (metrics, dLogits) = (device.View([0f, 0f]), device.Unset(logits.Length));
        device.Op<ISoftmaxCrossEntropy>().Forward(new Segments(starts), rowsPerSample, classes, device.View(logits), device.View(labels), scale, smoothing, dLogits, metrics);
        return EveryBody.Join(metrics, dLogits);
    }

    private static float[] SquaredError(CpuDevice device, int[] starts, int elements, float[] y, float[] target, float scale)
    {
        var (metrics, dy) = (device.View([0f]), device.Unset(y.Length));
        device.Op<IMeanSquaredError>().Forward(new Segments(starts), elements, device.View(y), device.View(target), scale, dy, metrics);
        return EveryBody.Join(metrics, dy);
    }

    private static double RowLoss(ReadOnlySpan<float> x, int label, double smoothing)
    {
        var (max, sum, mean) = (double.NegativeInfinity, 0.0, 0.0);
        foreach (var v in x) max = Math.Max(max, v);
        foreach (var v in x) (sum, mean) = (sum + Math.Exp(v - max), mean + (v - max) / x.Length);
        return Math.Log(sum) - (1 - smoothing) * (x[label] - max) - smoothing * mean;
    }
}
