using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>One shard's elements at a commit, on the host.</summary>
/// <param name="Range">Which elements of the flat vector.</param>
/// <param name="Elements">[1 + StateCount, Range.Length]: the weights, then each state vector.</param>
public sealed record ShardSnapshot(ShardRange Range, ReadOnlyMemory<float> Elements);

/// <summary>All that a checkpoint saves. Nothing in it changes while it is written.</summary>
public sealed record CheckpointSnapshot
{
    public required long Step { get; init; }

    public required long Updates { get; init; }

    public required long Incarnation { get; init; }

    public required IReadOnlyList<ShardSnapshot> Shards { get; init; }

    /// <summary>The committed records' bytes.</summary>
    public required ReadOnlyMemory<byte> LossLog { get; init; }

    public double TestLoss { get; init; } = double.NaN;

    public double TestAccuracy { get; init; } = double.NaN;
}
