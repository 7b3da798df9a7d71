using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Recurrent;

public sealed class LstmTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_sequence_matches_the_formula_in_double(bool fromInitialStates)
    {
        var shape = new LstmShape(Steps: 6, Inputs: 5, Hidden: 19);
        var (x, h0, c0) = (EveryBody.Normal(1, 3 * 6 * 5), EveryBody.Normal(2, 3 * 19), EveryBody.Normal(3, 3 * 19));
        var weights = Weights(shape);
        if (!fromInitialStates) (h0, c0) = (null!, null!);
        var ours = EveryBody.Run(device => Run(device, shape, [0, 3], x, weights, h0, c0, EveryBody.Normal(4, 3 * 6 * 19)));
        var exact = InDouble(shape, 3, x, weights, h0, c0);
        for (var i = 0; i < exact.Length; i++) Assert.Equal(exact[i], ours[i], 1e-6);
    }

    [Theory]
    [InlineData(3, 5, 4)]
    [InlineData(4, 7, 16)]
    [InlineData(2, 6, 37)]
    [InlineData(2, 3, 200)]
    public void Every_body_and_every_split_into_leases_gives_the_same_bits(int steps, int inputs, int hidden)
    {
        int[] starts = [0, 2, 4, 5, 8];
        var shape = new LstmShape(steps, inputs, hidden);
        var (x, cotangent) = (EveryBody.Normal(1, 8 * steps * inputs), EveryBody.Normal(2, 8 * steps * hidden));
        var (h0, c0) = (EveryBody.Normal(3, 8 * hidden), EveryBody.Normal(4, 8 * hidden));
        var weights = Weights(shape);
        var whole = EveryBody.Run(device => Run(device, shape, starts, x, weights, h0, c0, cotangent));
        var perSample = steps * (hidden + inputs);
        using var device = new CpuDevice(2);
        foreach (var cover in SegmentSplits.Covers(4))
        {
            var values = new List<float[]>();
            foreach (var (first, count) in cover)
            {
                var (a, b) = (starts[first], starts[first + count]);
                int[] lease = [.. starts[first..(first + count + 1)].Select(s => s - a)];
                var part = Run(device, shape, lease, x[(a * steps * inputs)..(b * steps * inputs)], weights,
                    h0[(a * hidden)..(b * hidden)], c0[(a * hidden)..(b * hidden)], cotangent[(a * steps * hidden)..(b * steps * hidden)]);
                EveryBody.AssertSameBits(whole.AsSpan(a * steps * hidden, (b - a) * steps * hidden), part.AsSpan(0, (b - a) * steps * hidden), "y");
                values.Add(part[((b - a) * perSample)..]);
            }
            EveryBody.AssertSameBits(whole.AsSpan(8 * perSample), SegmentSplits.Fold(cover, [.. values]), "weight gradients");
        }
    }

    [Fact]
    public void Gradients_match_finite_differences()
    {
        var shape = new LstmShape(Steps: 3, Inputs: 2, Hidden: 3);
        var (x, h0, c0, cotangent) = (EveryBody.Normal(1, 2 * 3 * 2), EveryBody.Normal(2, 6), EveryBody.Normal(3, 6), EveryBody.Normal(4, 18));
        var weights = Weights(shape);
        using var device = new CpuDevice(1);
        var analytic = Run(device, shape, [0, 2], x, weights, h0, c0, cotangent)[18..];
        var at = 0;
        foreach (var parameter in new[] { x }.Concat(weights))
            for (var i = 0; i < parameter.Length; i++, at++)
            {
                var kept = parameter[i];
                parameter[i] = kept + 0.01f;
                var up = Loss();
                parameter[i] = kept - 0.01f;
                var down = Loss();
                parameter[i] = kept;
                Assert.Equal((up - down) / 0.02, analytic[at], 2e-3);
            }
        Assert.Equal(analytic.Length, at);

        double Loss() => Run(device, shape, [0, 2], x, weights, h0, c0, cotangent).Take(18).Zip(cotangent, (y, c) => (double)y * c).Sum();
    }

    private static double[] InDouble(LstmShape shape, int samples, float[] x, float[][] weights, float[]? h0, float[]? c0)
    {
        var (steps, inputs, hidden) = (shape.Steps, shape.Inputs, shape.Hidden);
        var y = new double[samples * steps * hidden];
        for (var n = 0; n < samples; n++)
        {
            double[] h = [.. Enumerable.Range(0, hidden).Select(j => (double)(h0?[n * hidden + j] ?? 0))];
            double[] c = [.. Enumerable.Range(0, hidden).Select(j => (double)(c0?[n * hidden + j] ?? 0))];
            for (var t = 0; t < steps; t++)
            {
                double[] z = [.. Enumerable.Range(0, 4 * hidden).Select(r => weights[2][r] + weights[3][r]
                    + Enumerable.Range(0, inputs).Sum(k => (double)weights[0][r * inputs + k] * x[(n * steps + t) * inputs + k])
                    + Enumerable.Range(0, hidden).Sum(k => weights[1][r * hidden + k] * h[k]))];
                for (var j = 0; j < hidden; j++)
                {
                    c[j] = Sigmoid(z[hidden + j]) * c[j] + Sigmoid(z[j]) * Math.Tanh(z[2 * hidden + j]);
                    h[j] = Sigmoid(z[3 * hidden + j]) * Math.Tanh(c[j]);
                    y[(n * steps + t) * hidden + j] = h[j];
                }
            }
        }
        return y;

        static double Sigmoid(double v) => 1 / (1 + Math.Exp(-v));
    }

    private static float[][] Weights(LstmShape shape) =>
    [
        [.. EveryBody.Normal(11, 4 * shape.Hidden * shape.Inputs).Select(v => v * 0.4f)],
        [.. EveryBody.Normal(12, 4 * shape.Hidden * shape.Hidden).Select(v => v * 0.3f)],
        EveryBody.Normal(13, 4 * shape.Hidden), EveryBody.Normal(14, 4 * shape.Hidden),
    ];

    // y, dx, dwInput, dwHidden, dbInput, dbHidden.
    private static float[] Run(CpuDevice device, LstmShape shape, int[] starts, float[] x, float[][] weights, float[]? h0, float[]? c0, float[] cotangent)
    {
        var (op, segments) = (device.Op<ILstm>(), new Segments(starts));
        var rows = segments.Samples * shape.Steps;
        var (input, wInput, wHidden) = (device.View(x), device.View(weights[0]), device.View(weights[1]));
        var (h, c) = (h0 is null ? View.None : device.View(h0), c0 is null ? View.None : device.View(c0));
        var (y, gates, cells) = (device.Unset(rows * shape.Hidden), device.Unset(rows * 4 * shape.Hidden), device.Unset(rows * shape.Hidden));
        op.Forward(shape, segments.Samples, input, wInput, wHidden, device.View(weights[2]), device.View(weights[3]), h, c, y, gates, cells);
        var (dx, dGates) = (device.Unset(x.Length), device.Unset(rows * 4 * shape.Hidden));
        var (dwInput, dwHidden) = (device.Unset(weights[0].Length), device.Unset(weights[1].Length));
        var (dbInput, dbHidden) = (device.Unset(weights[2].Length), device.Unset(weights[3].Length));
        op.Backward(shape, segments, input, wInput, wHidden, h, c, y, gates, cells, device.View(cotangent), dGates, dx, dwInput, dwHidden, dbInput, dbHidden);
        return EveryBody.Join(y, dx, dwInput, dwHidden, dbInput, dbHidden);
    }
}
