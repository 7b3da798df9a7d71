using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Lookup;

public sealed class EmbeddingTests
{
    [Fact]
    public void Rows_and_their_gradient_match_the_golden_values()
    {
        var golden = GoldenCase.Read("linear", "embedding");
        var all = EveryBody.Run(device => Run(device, [0, 3], 4, 7, 5, golden.Values("inputs.ids"), golden.Values("inputs.w"), golden.Values("cotangent")));
        golden.AssertClose("output", all.AsSpan(0, 60));
        golden.AssertClose("grads.w", all.AsSpan(60));
    }

    // Tokens that few segments hold, rows of more than one vector, and sums that end at -0 when taken alone.
    [Theory]
    [InlineData(3, 5)]
    [InlineData(50, 17)]
    [InlineData(400, 40)]
    public void Every_body_and_every_split_into_leases_gives_the_same_bits(int vocabulary, int width)
    {
        int[] starts = [0, 3, 4, 4, 9, 11];
        const int rows = 6;
        var random = new RandomStream(3, 0);
        float[] ids = [.. Enumerable.Range(0, starts[^1] * rows).Select(_ => (float)random.Next(vocabulary))];
        var (table, dy) = (EveryBody.Normal(1, vocabulary * width), EveryBody.Normal(2, ids.Length * width));
        Array.Fill(dy, -0f, 0, 2 * width);
        var whole = EveryBody.Run(device => Run(device, starts, rows, vocabulary, width, ids, table, dy))[(ids.Length * width)..];
        using var one = new CpuDevice(2);
        foreach (var cover in SegmentSplits.Covers(starts.Length - 1))
        {
            var values = cover.Where(node => starts[node.First + node.Count] > starts[node.First]).ToDictionary(node => node, node =>
            {
                var (from, to) = (starts[node.First] * rows, starts[node.First + node.Count] * rows);
                int[] lease = [.. starts[node.First..(node.First + node.Count + 1)].Select(s => s - starts[node.First])];
                return Run(one, lease, rows, vocabulary, width, ids[from..to], table, dy[(from * width)..(to * width)])[((to - from) * width)..];
            });
            if (values.Count == cover.Length) EveryBody.AssertSameBits(whole, SegmentSplits.Fold(cover, [.. cover.Select(node => values[node])]), "the table's gradient");
        }
    }

    [Theory]
    [InlineData(7f)]
    [InlineData(-1f)]
    [InlineData(1.5f)]
    [InlineData(float.NaN)]
    public void An_id_that_is_no_token_is_named(float id)
    {
        using var device = new CpuDevice(1);
        var wrong = Assert.Throws<ArgumentOutOfRangeException>(() => device.Op<IEmbedding>().Forward(7, 2, device.View([1f, id]), device.Unset(14), device.Unset(4)));
        Assert.Contains($"the token of row 1 is {id}; it must be a whole number in [0, 7).", wrong.Message, StringComparison.Ordinal);
    }

    private static float[] Run(CpuDevice device, int[] starts, int rowsPerSample, int vocabulary, int width, float[] ids, float[] table, float[] dy)
    {
        var (y, dTable, op) = (device.Unset(ids.Length * width), device.Unset(vocabulary * width), device.Op<IEmbedding>());
        op.Forward(vocabulary, width, device.View(ids), device.View(table), y);
        op.BackwardTable(new Segments(starts), rowsPerSample, vocabulary, width, device.View(ids), device.View(dy), dTable);
        return EveryBody.Join(y, dTable);
    }
}
