using System.Collections.Immutable;

namespace DistTrain.Protocol;

/// <summary>Which seats host one shard. A replica of -1: none.</summary>
public readonly record struct ShardSeats(int Primary, int Replica)
{
    public const int None = -1;

    public bool HasReplica => Replica != None;
}

/// <summary>Who hosts what in one incarnation. Immutable; part of the durable record and of the fence.</summary>
public sealed class Placement(ImmutableArray<ShardSeats> shards)
{
    public static readonly Placement Empty = new([]);

    /// <summary>By shard number.</summary>
    public ImmutableArray<ShardSeats> Shards { get; } = shards;

    /// <summary>The shard that the seat holds, and whether as its primary; (-1, false) when none.</summary>
    public (int Shard, bool Primary) Of(int seat)
    {
        for (var s = 0; s < Shards.Length; s++)
        {
            if (Shards[s].Primary == seat) return (s, true);
            if (Shards[s].HasReplica && Shards[s].Replica == seat) return (s, false);
        }
        return (-1, false);
    }

    public bool Uses(int seat) => Of(seat).Shard >= 0;

    public override string ToString() => string.Join(", ", Shards.Select((s, i) => s.HasReplica ? $"shard {i} on seat {s.Primary} with replica on seat {s.Replica}" : $"shard {i} on seat {s.Primary}"));
}
