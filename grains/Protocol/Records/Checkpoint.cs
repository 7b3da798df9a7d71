using System.Collections.Immutable;

namespace DistTrain.Protocol;

/// <summary>A checkpoint by name: the version of the weights and the incarnation that wrote it, so two incarnations never write the same file.</summary>
public readonly record struct CheckpointName(long Version, long Incarnation) : IComparable<CheckpointName>
{
    /// <summary>The state every job begins with: made from the seed, in no store.</summary>
    public static readonly CheckpointName Initial = new(0, 0);

    /// <summary>By version, then incarnation: the newest is the greatest.</summary>
    public int CompareTo(CheckpointName other) => (Version, Incarnation).CompareTo((other.Version, other.Incarnation));

    public override string ToString() => this == Initial ? "the initial state" : $"{Version:D10}-{Incarnation}";
}

/// <summary>Where a job stands at a version, beside weights and optimizer state.</summary>
/// <param name="Version">Steps committed.</param>
/// <param name="Updates">Updates applied; skipped steps do not count.</param>
/// <param name="Log">Digest of all records committed up to here.</param>
/// <param name="Entries">How many records that is.</param>
/// <param name="LastEvaluation">Of the newest evaluation; its Step is -1 where there is none.</param>
public sealed record JobPosition(long Version, long Updates, LogDigest Log, long Entries, EvaluationRecord LastEvaluation)
{
    public static readonly JobPosition Initial = new(0, 0, default, 0, new EvaluationRecord(-1, default));

    /// <summary>What all evaluations committed up to here add up to.</summary>
    public EvaluationTrend Trend { get; init; } = EvaluationTrend.None;
}

/// <summary>What makes shard files a checkpoint; published last and exclusively. Any number of shards reads it.</summary>
/// <param name="Name">Version and incarnation.</param>
/// <param name="Position">What the job continues from.</param>
/// <param name="Files">By shard: what the shard's host said of its file (name, bytes, SHA-256); opaque here.</param>
/// <param name="Records">All records committed since <paramref name="Previous"/>; the store keeps the older ones.</param>
/// <param name="Previous">The checkpoint published or restored before.</param>
public sealed record CheckpointManifest(CheckpointName Name, JobPosition Position, ImmutableArray<object?> Files, ImmutableArray<LogEntry> Records, CheckpointName Previous);

/// <summary>A checkpoint that a restore passed over, and why.</summary>
public sealed record SkippedCheckpoint(CheckpointName Name, string Why);
