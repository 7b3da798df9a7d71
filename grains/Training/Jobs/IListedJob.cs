using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>A job that a server tells of: one that waits or trains here, or one that ended before the server began.</summary>
internal interface IListedJob
{
    string Id { get; }

    JobStatus Status { get; }

    /// <summary>As it was accepted, as YAML.</summary>
    string Spec { get; }

    RunHistory History { get; }

    bool HasEnded { get; }

    JobStatus Stop();

    IReadOnlyList<WaitReport> Waits();

    JobMembers Members();

    IReadOnlyList<CheckpointReport> Checkpoints();

    Verdict Diagnose();
}
