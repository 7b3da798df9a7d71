using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Parameters;

public sealed class ParameterLayoutTests
{
    private static readonly ParameterLayout Layout = new([("a", new Shape(100, 100), SliceKind.Parameter), ("b", new Shape(7), SliceKind.Parameter), ("c", new Shape(5, 3), SliceKind.Moments)]);

    [Fact]
    public void Slices_are_aligned_and_the_step_figures_come_last()
    {
        Assert.Equal([("a", 0, 10_000), ("b", 10_000, 7), ("c", 10_016, 15), (ParameterLayout.MetricsName, 10_032, 16)], Layout.Slices.Select(s => (s.Name, s.Offset, s.Length)));
        Assert.Equal((10_048, 10_007L), (Layout.Length, Layout.ParameterCount));
    }

    [Fact]
    public void Blocks_cover_each_tensor_in_order_and_hold_whole_triples() =>
        Assert.Equal([(0, 4080), (4080, 4080), (8160, 1840), (10_000, 7), (10_016, 15), (10_032, 16)], Layout.Blocks.Select(b => (b.Offset, b.Length)));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(6)]
    public void Shards_are_contiguous_whole_and_never_empty(int shards)
    {
        var ranges = Layout.Split(shards);
        Assert.Equal(shards, ranges.Count);
        var (block, offset) = (0, 0);
        foreach (var range in ranges)
        {
            Assert.True(range.BlockCount > 0);
            Assert.Equal((block, offset), (range.FirstBlock, range.Offset));
            (block, offset) = (block + range.BlockCount, offset + range.Length);
        }
        Assert.Equal((Layout.Blocks.Count, Layout.Length), (block, offset));
    }

    [Fact]
    public void More_shards_than_blocks_and_repeated_names_are_refused()
    {
        Assert.StartsWith("shards is 7. It must be between 1 and 6, the blocks of this model.", Assert.Throws<ArgumentException>(() => Layout.Split(7)).Message);
        Assert.StartsWith("two parameters are named w", Assert.Throws<ArgumentException>(() => new ParameterLayout([("w", new Shape(1), SliceKind.Parameter), ("w", new Shape(1), SliceKind.Parameter)])).Message);
    }
}
