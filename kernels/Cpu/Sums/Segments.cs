using System.Numerics;

namespace DistTrain.Kernels;

/// <summary>
/// The micro-batches that run as one batch, and how a sum over samples is folded: rows in order within a segment,
/// segments in the fixed binary tree that splits at the largest power of two below the count; an empty segment is absent.
/// </summary>
/// <remarks>
/// A kernel keeps a stack of partial sums: after segment i it pushes the segment's sum and merges the two topmost entries
/// (lower + upper) <c>MergesAfter(i)</c> times; one entry remains. Starts count samples from the batch's first.
/// </remarks>
public sealed class Segments
{
    private readonly int[] _starts;
    private readonly byte[] _mergesAfter;

    /// <param name="starts">Segment i holds samples [starts[i], starts[i + 1]); starts[0] is 0.</param>
    public Segments(ReadOnlySpan<int> starts)
    {
        if (starts.Length < 2 || starts[0] != 0)
            throw new ArgumentException("segment starts must begin with 0 and hold at least one segment.", nameof(starts));
        var present = new List<int> { 0 };
        var merges = new List<byte>();
        for (var i = 0; i + 1 < starts.Length; i++)
            if (starts[i + 1] < starts[i]) throw new ArgumentException($"segment {i} ends at {starts[i + 1]}, before its start {starts[i]}.", nameof(starts));
        Fold(starts, 0, starts.Length - 1, present, merges);
        if (merges.Count == 0) throw new ArgumentException("all segments are empty.", nameof(starts));
        (_starts, _mergesAfter) = ([.. present], [.. merges]);
        var (depth, deepest) = (0, 0);
        foreach (var merge in _mergesAfter) (depth, deepest) = (depth + 1 - merge, Math.Max(deepest, depth + 1));
        StackDepth = deepest;
    }

    /// <summary>One segment of all samples.</summary>
    public static Segments One(int samples) => new([0, samples]);

    private Segments(int[] starts, byte[] mergesAfter, int stackDepth) => (_starts, _mergesAfter, StackDepth) = (starts, mergesAfter, stackDepth);

    /// <summary>The same tree where each sample counts as so many.</summary>
    public Segments Times(int factor) => new([.. _starts.Select(start => start * factor)], _mergesAfter, StackDepth);

    /// <summary>Segments present.</summary>
    public int Count => _mergesAfter.Length;

    public int Samples => _starts[^1];

    /// <summary>Entries the stack of partial sums needs: 1 + log2(Count) at most.</summary>
    public int StackDepth { get; }

    public int Start(int segment) => _starts[segment];

    public int End(int segment) => _starts[segment + 1];

    public int MergesAfter(int segment) => _mergesAfter[segment];

    /// <summary>Where the tree over <paramref name="count"/> leaves splits: the largest power of two below it.</summary>
    public static int Split(int count) => 1 << BitOperations.Log2((uint)count - 1);

    // Returns whether anything is present in leaves [first, first + count); a merge is counted on the right side's last leaf.
    private static bool Fold(ReadOnlySpan<int> starts, int first, int count, List<int> present, List<byte> merges)
    {
        if (count == 1)
        {
            if (starts[first + 1] == starts[first]) return false;
            present.Add(starts[first + 1]);
            merges.Add(0);
            return true;
        }
        var split = Split(count);
        var left = Fold(starts, first, split, present, merges);
        var right = Fold(starts, first + split, count - split, present, merges);
        if (left && right) merges[^1]++;
        return left || right;
    }
}
