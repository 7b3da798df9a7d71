using System.Collections.Immutable;

namespace DistTrain.Protocol;

/// <summary>Whether the job runs, and if not, why.</summary>
public enum JobState : byte
{
    Running,

    /// <summary>All steps are committed and saved.</summary>
    Succeeded,

    /// <summary>Stopped at a checkpoint by a control; it can be resumed.</summary>
    Stopped,

    /// <summary>Too few workers for too long; saved, can be resumed.</summary>
    Paused,
    Failed,

    /// <summary>Another scheduler holds the job now. Never written to the register.</summary>
    Superseded,
}

/// <summary>What a control changes.</summary>
public enum ControlKind : byte
{
    /// <summary>Finish the step, save, end as Stopped.</summary>
    Stop,

    /// <summary>The rate is Value from the step on, instead of the schedule's; NaN gives the schedule back.</summary>
    SetLearningRate,

    /// <summary>The global norm to clip by is Value from the step on; 0 = off.</summary>
    SetClipNorm,

    /// <summary>The rate is multiplied by Value from the step on: recorded by a rollback.</summary>
    ScaleLearningRate,
}

/// <summary>A change at a named step, recorded before it is acknowledged, replayed by every recomputation.</summary>
/// <param name="Id">Chosen by the client: a command that is sent again is not done again.</param>
/// <param name="Step">First step it holds for; a command asks for -1: the next one.</param>
public sealed record Control(string Id, ControlKind Kind, double Value, long Step = -1);

/// <summary>A point where the job's past was dropped or changed: what incarnations before this one made of versions after this one does not count.</summary>
/// <param name="Incarnation">The first that counts again.</param>
/// <param name="Version">The newest that is common to both; -1: none, the job began anew.</param>
public readonly record struct Branch(long Incarnation, long Version)
{
    /// <summary>Whether a state of this version, last touched in this incarnation, belongs to the job's present past.</summary>
    public static bool Admit(ImmutableArray<Branch> branches, long version, long incarnation)
    {
        foreach (var branch in branches)
            if (incarnation < branch.Incarnation && version > branch.Version) return false;
        return true;
    }
}

/// <summary>What must never be guessed: who holds the job, who hosts its shards, what was commanded, where to restore from. One per job, in PostgreSQL or a file, changed by compare-and-swap.</summary>
public sealed record RegisterRecord
{
    /// <summary>Goes up by one with every write; the compare of compare-and-swap.</summary>
    public long Revision { get; init; }

    /// <summary>The fence: goes up when a shard or replica is added, dropped or promoted, when the job moves, and when it rolls back.</summary>
    public long Incarnation { get; init; }

    /// <summary>The scheduler instance that holds the job; drawn by its host, never used again.</summary>
    public ulong Holder { get; init; }

    public Placement Placement { get; init; } = Placement.Empty;

    public ImmutableArray<Control> Controls { get; init; } = [];

    public JobState State { get; init; }

    /// <summary>The newest published checkpoint.</summary>
    public CheckpointName Checkpoint { get; init; }

    /// <summary>Rollbacks, controls and new beginnings, oldest first.</summary>
    public ImmutableArray<Branch> Branches { get; init; } = [];

    /// <summary>Rollbacks after NaN or Inf so far.</summary>
    public int Rollbacks { get; init; }

    /// <summary>Why a failed job failed.</summary>
    public string Reason { get; init; } = "";
}
