using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels;

/// <summary>The leases that a batch may be cut into: every way to cover the micro-batch tree with aligned nodes.</summary>
internal static class SegmentSplits
{
    /// <summary>Covers of leaves [0, count) by nodes of the tree that splits at the largest power of two below the count.</summary>
    public static IEnumerable<(int First, int Count)[]> Covers(int count) => Covers(0, count);

    /// <summary>The tree's value from the values of a cover's nodes: lower + upper, element by element.</summary>
    /// <param name="cover">Nodes in order.</param>
    /// <param name="values">Each node's own sum.</param>
    public static float[] Fold((int First, int Count)[] cover, float[][] values) => Fold(cover, values, 0, cover[^1].First + cover[^1].Count);

    private static IEnumerable<(int, int)[]> Covers(int first, int count)
    {
        yield return [(first, count)];
        if (count == 1) yield break;
        var split = Segments.Split(count);
        foreach (var left in Covers(first, split))
            foreach (var right in Covers(first + split, count - split)) yield return [.. left, .. right];
    }

    private static float[] Fold((int First, int Count)[] cover, float[][] values, int first, int count)
    {
        var node = Array.IndexOf(cover, (first, count));
        if (node >= 0) return values[node];
        var split = Segments.Split(count);
        var (left, right) = (Fold(cover, values, first, split), Fold(cover, values, first + split, count - split));
        return [.. left.Zip(right, (a, b) => a + b)];
    }
}
