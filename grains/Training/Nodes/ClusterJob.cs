using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A job of a cluster as every node must have it, equal in all but the data's path and the device.</summary>
public sealed record ClusterJob
{
    /// <summary>The job's id; it keys every message. Two submissions of one spec are two ids.</summary>
    public required string Id { get; init; }

    public required ResolvedJob Job { get; init; }

    /// <summary>
    /// Shards, CheckpointFolder (reached by every node; required), CheckpointEvery, KeepLast, KeepBest, StopAfterSteps; for this node's
    /// workers Device, ComputeThreads, InstructionSet. The rest is for embedded runs.
    /// </summary>
    public required RunOptions Options { get; init; }

    /// <summary>Each shard has a replica on another node.</summary>
    public bool Replicated { get; init; } = true;

    /// <summary>With fewer workers no step is opened.</summary>
    public int MinimumWorkers { get; init; } = 1;

    public TimeLimits Limits { get; init; } = Network;

    /// <summary>For real networks: a sign of life every quarter of a second, lost after about a second of silence. A false alarm is safe, only costly.</summary>
    public static readonly TimeLimits Network = new()
    {
        Heartbeat = TimeSpan.FromMilliseconds(250), Silence = TimeSpan.FromMilliseconds(1250), Resend = TimeSpan.FromMilliseconds(250), Lease = TimeSpan.FromSeconds(60),
    };

    internal JobPlan Plan(IReadOnlyList<ShardRange> ranges) => Job.Plan(ranges, Options) with
    {
        Key = Key, CheckpointEvery = Options.CheckpointEvery, Replicated = Replicated, MinimumWorkers = MinimumWorkers, Limits = Limits,
    };

    /// <summary>The first 8 bytes of SHA-256 over the id.</summary>
    public ulong Key => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(Id)));
}
