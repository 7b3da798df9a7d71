using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Attention;

public sealed class AttentionTests
{
    [Fact]
    public void Causal_attention_matches_the_golden_values()
    {
        var golden = GoldenCase.Read("recurrent", "scaled_dot_attention_causal_2heads");
        var shape = new AttentionShape(Steps: 4, Heads: 2, Width: 3, Causal: true);
        // The golden operands are [N, heads, steps, width] each; ours are side by side in a row.
        float[] qkv = [.. Enumerable.Range(0, 4).SelectMany(t => new[] { "inputs.q", "inputs.k", "inputs.v" }.SelectMany(name => ByStep(golden.Values(name), t)))];
        float[] dy = [.. Enumerable.Range(0, 4).SelectMany(t => ByStep(golden.Values("cotangent"), t))];
        var all = EveryBody.Run(device => Run(device, shape, 1, qkv, dy));
        golden.AssertClose("output", ByHead(all, 0, 6));
        golden.AssertClose("grads.q", ByHead(all.AsSpan(24), 0, 18));
        golden.AssertClose("grads.k", ByHead(all.AsSpan(24), 6, 18));
        golden.AssertClose("grads.v", ByHead(all.AsSpan(24), 12, 18));

        static IEnumerable<float> ByStep(float[] values, int t) => [.. values.AsSpan(3 * t, 3), .. values.AsSpan(12 + 3 * t, 3)];
        static float[] ByHead(ReadOnlySpan<float> rows, int at, int row)
        {
            var values = new List<float>();
            for (var head = 0; head < 2; head++)
                for (var t = 0; t < 4; t++) values.AddRange(rows.Slice(t * row + at + 3 * head, 3));
            return [.. values];
        }
    }

    // Steps and widths around the vectors, the key blocks and the tiles.
    [Theory]
    [InlineData(1, 1, 1, true, 2)]
    [InlineData(7, 3, 5, true, 3)]
    [InlineData(16, 2, 16, false, 1)]
    [InlineData(33, 1, 40, true, 2)]
    [InlineData(64, 4, 32, true, 3)]
    [InlineData(70, 2, 9, false, 2)]
    public void Every_body_gives_the_same_bits(int steps, int heads, int width, bool causal, int samples)
    {
        var shape = new AttentionShape(steps, heads, width, causal);
        var rows = samples * steps * heads * width;
        EveryBody.Run(device => Run(device, shape, samples, EveryBody.Normal(1, 3 * rows), EveryBody.Normal(2, rows)));
    }

    // Queries and keys of different counts, keys that are padding, weights that are dropped.
    [Theory]
    [InlineData(1, 5, 1, 1, 2, false, false)]
    [InlineData(7, 3, 3, 5, 2, true, false)]
    [InlineData(5, 33, 2, 16, 3, true, true)]
    [InlineData(64, 17, 1, 40, 2, false, true)]
    [InlineData(20, 20, 2, 9, 2, true, true)]
    public void Every_body_gives_the_same_bits_with_keys_of_their_own(int queries, int keys, int heads, int width, int samples, bool padded, bool dropped)
    {
        var shape = new AttentionShape(queries, heads, width, Causal: queries == keys) { KeySteps = keys, Padding = 2 };
        var (rows, keyRows, weights) = (samples * queries * heads * width, samples * keys * heads * width, samples * heads * queries * keys);
        float[] tokens = [.. Enumerable.Range(0, samples * keys).Select(i => i % 3 == 1 ? 2f : i % 5)], keep = [.. Enumerable.Range(0, weights).Select(i => i % 4 == 2 ? 0f : 1.25f)];
        var all = EveryBody.Run(device =>
        {
            AttentionOperands x = new(device.View(EveryBody.Normal(1, rows)), device.View(EveryBody.Normal(2, keyRows)), device.View(EveryBody.Normal(3, keyRows)))
            {
                Tokens = padded ? device.View(tokens) : View.None, Keep = dropped ? device.View(keep) : View.None,
            };
            AttentionOperands dx = new(device.Unset(rows), device.Unset(keyRows), device.Unset(keyRows));
            var (y, p) = (device.Unset(rows), device.Unset(weights));
            device.Op<IAttention>().Forward(shape, samples, x, y, p);
            device.Op<IAttention>().Backward(shape, samples, x, p, device.View(EveryBody.Normal(4, rows)), dx);
            return EveryBody.Join(y, dx.Q, dx.K, dx.V, p);
        });
        // Padding has no weight beside other keys (the first key is never padding, so a causal query sees one).
        var saved = all.AsSpan(2 * rows + 2 * keyRows);
        for (var i = 0; padded && i < weights; i++)
            if (tokens[i / (heads * queries * keys) * keys + i % keys] == 2f) Assert.Equal(0f, saved[i]);
    }

    private static float[] Run(CpuDevice device, AttentionShape shape, int samples, float[] qkv, float[] dy)
    {
        var (y, weights, dQkv) = (device.Unset(dy.Length), device.Unset(samples * shape.Heads * shape.Steps * shape.Steps), device.Unset(qkv.Length));
        device.Op<IAttention>().Forward(shape, samples, device.View(qkv), y, weights);
        device.Op<IAttention>().Backward(shape, samples, device.View(qkv), weights, device.View(dy), dQkv);
        return EveryBody.Join(y, dQkv, weights);
    }
}
