using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Draws; // not ".Random": that would hide System.Random from the neighbours

public sealed class PhiloxTests
{
    // kat_vectors of Random123, philox4x32 with 10 rounds.
    [Theory]
    [InlineData(0, 0, 0, 0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)]
    [InlineData(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, 0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)]
    [InlineData(0x85A308D3243F6A88, 0x0370734413198A2E, 0x299F31D0A4093822, 0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)]
    public void Blocks_are_the_published_ones(ulong low, ulong high, ulong key, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal((w0, w1, w2, w3), Philox.Block(low, high, key));

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(64)]
    [InlineData(1000)]
    public void Fills_are_the_draws_of_single_elements_at_both_widths(int length)
    {
        const ulong key = 0xFEDCBA9876543210;
        var (narrow, wide) = (new float[length], new float[length]);
        foreach (var normal in new[] { false, true })
        {
            RandomFill.Run<Lane256>(narrow, key, 0.5f, 2, normal);
            RandomFill.Run<Lane512>(wide, key, 0.5f, 2, normal);
            EveryBody.AssertSameBits(narrow, wide, "Vector512");
            for (var i = 0; i < length; i++)
            {
                var draw = normal ? Philox.Normal(key, 0, i) : Philox.Uniform(Philox.Word(key, 0, i));
                Assert.Equal(MathF.FusedMultiplyAdd(draw, 2, 0.5f), narrow[i]);
            }
        }
    }

    [Fact]
    public void Uniforms_lie_in_0_to_1_with_the_right_moments()
    {
        var draws = new float[1 << 20];
        RandomFill.Uniform(draws, 42, 0, 1);
        Assert.All(draws, u => Assert.InRange(u, 0f, 0.99999994f));
        Assert.InRange(draws.Average(), 0.4985, 0.5015);                                       // 5 standard errors
        Assert.InRange(draws.Average(u => ((double)u - 0.5) * (u - 0.5)), 0.0829, 0.0838);
        Assert.InRange(draws.Zip(draws.Skip(1)).Average(p => (p.First - 0.5) * (p.Second - 0.5)), -0.0005, 0.0005);
    }

    [Fact]
    public void Normals_have_the_moments_and_tails_of_the_normal_distribution()
    {
        var draws = new float[1 << 20];
        RandomFill.Normal(draws, 42, 0, 1);
        Assert.InRange(draws.Average(), -0.005, 0.005);
        Assert.InRange(draws.Average(x => (double)x * x), 0.993, 1.007);
        Assert.InRange(draws.Average(x => (double)x * x * x), -0.012, 0.012);
        Assert.InRange(draws.Average(x => (double)x * x * x * x), 2.95, 3.05);
        Assert.InRange(draws.Count(x => x > 1.959964f) / (double)draws.Length, 0.0242, 0.0258);
        Assert.InRange(draws.Count(x => x < -3.090232f) / (double)draws.Length, 0.00085, 0.00115);
    }

    [Fact]
    public void A_stream_draws_the_words_of_its_blocks_and_its_integers_are_even()
    {
        var stream = new RandomStream(7, 3);
        for (var block = 0UL; block < 3; block++)
        {
            var (w0, w1, w2, w3) = Philox.Block(block, 3, 7);
            Assert.Equal((w0, w1, w2, w3), (stream.NextWord(), stream.NextWord(), stream.NextWord(), stream.NextWord()));
        }
        var counts = new int[6];
        for (var i = 0; i < 60_000; i++) counts[stream.Next(6)]++;
        Assert.All(counts, c => Assert.InRange(c, 9_500, 10_500));
        for (var i = 0; i < 1000; i++) Assert.InRange(stream.NextUniform(-2, 3), -2f, 3f);
    }

    [Fact]
    public void Keys_differ_by_seed_step_path_and_use()
    {
        var keys = new HashSet<ulong>();
        foreach (var seed in new ulong[] { 0, 1, ulong.MaxValue })
            for (var step = 0UL; step < 10; step++)
                foreach (var path in new[] { "", "fc1", "fc2", "encoder.0.dropout" })
                    for (var use = 0u; use < 3; use++) Assert.True(keys.Add(RandomKey.Of(seed, step, RandomKey.HashPath(path), use)));
        Assert.Equal(0xCBF29CE484222325, RandomKey.HashPath(""));
        Assert.Equal(0xAF63DC4C8601EC8C, RandomKey.HashPath("a"));   // published FNV-1a test vector
        Assert.Equal(0x85944171F73967E8, RandomKey.HashPath("foobar"));
    }
}
