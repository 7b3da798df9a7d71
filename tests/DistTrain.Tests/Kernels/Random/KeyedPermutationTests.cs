using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Draws; // not ".Random": that would hide System.Random from the neighbours

public sealed class KeyedPermutationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(997)]
    [InlineData(60_000)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    public void Every_index_is_hit_once(int count)
    {
        for (var epoch = 0UL; epoch < 3; epoch++)
        {
            var permutation = new KeyedPermutation(42, epoch, count);
            var seen = new bool[count];
            for (var i = 0; i < count; i++)
            {
                var image = (int)permutation[i];
                Assert.False(seen[image], $"{image} is hit twice");
                seen[image] = true;
                if (i % 1000 == 0) Assert.Equal(image, KeyedPermutation.Permute(42, epoch, i, count));
            }
        }
    }

    [Fact]
    public void Every_count_up_to_300_is_permuted()
    {
        for (var count = 1; count <= 300; count++)
        {
            var permutation = new KeyedPermutation((ulong)count, 9, count);
            Assert.Equal(count, Enumerable.Range(0, count).Select(i => permutation[i]).Distinct().Count());
        }
    }

    [Fact]
    public void Small_permutations_come_up_equally_often()
    {
        var counts = new Dictionary<string, int>();
        const int epochs = 24_000;
        for (var epoch = 0UL; epoch < epochs; epoch++)
        {
            var p = new KeyedPermutation(1, epoch, 4);
            var order = $"{p[0]}{p[1]}{p[2]}{p[3]}";
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }
        Assert.Equal(24, counts.Count);
        Assert.All(counts.Values, c => Assert.InRange(c, 840, 1160));   // 1000 expected, 5 standard deviations
    }

    [Fact]
    public void Images_are_spread_evenly_and_neighbours_part()
    {
        const int count = 60_000;
        var (first, second) = (new KeyedPermutation(5, 0, count), new KeyedPermutation(5, 1, count));
        var bins = new int[10];
        var (kept, agree, adjacent) = (0, 0, 0);
        for (var i = 0; i < 10_000; i++)
        {
            bins[first[i] * 10 / count]++;
            if (first[i] == i) kept++;
            if (first[i] == second[i]) agree++;
            if (Math.Abs(first[i] - first[i + 1]) == 1) adjacent++;
        }
        Assert.All(bins, c => Assert.InRange(c, 860, 1140));
        Assert.InRange(kept, 0, 5);
        Assert.InRange(agree, 0, 5);
        Assert.InRange(adjacent, 0, 6);
    }

    [Fact]
    public void Bad_arguments_are_named()
    {
        Assert.Contains("0 elements", Assert.Throws<ArgumentOutOfRangeException>(() => new KeyedPermutation(1, 1, 0)).Message);
        Assert.Contains("index is 5; it must be in [0, 5)", Assert.Throws<ArgumentOutOfRangeException>(() => new KeyedPermutation(1, 1, 5)[5]).Message);
    }
}
