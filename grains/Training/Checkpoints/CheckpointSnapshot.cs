using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>One shard's elements at a commit, on the host.</summary>
/// <param name="range">Which elements of the flat vector.</param>
/// <param name="elements">[1 + StateCount, Range.Length]: the weights, then each state vector. They do not change while they are written.</param>
public readonly ref struct ShardSnapshot(ShardRange range, ReadOnlySpan<float> elements)
{
    public ShardRange Range { get; } = range;

    public ReadOnlySpan<float> Elements { get; } = elements;
}

/// <summary>A checkpoint being written: its files exist, but without a manifest it is none.</summary>
/// <param name="Stem">First part of all its file names.</param>
public sealed record CheckpointDraft(long Step, string Stem)
{
    /// <summary>Several nodes write it.</summary>
    internal bool Shared { get; init; }
}
