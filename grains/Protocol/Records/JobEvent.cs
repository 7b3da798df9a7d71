namespace DistTrain.Protocol;

public enum JobEventKind : byte
{
    WorkerJoined, WorkerLeft, WorkerLost, WorkerRefused, WorkerFailed,
    LeaseExpired, LeaseDuplicated,
    SeatLost, IncarnationRaised, ShardPromoted,
    Restored, RolledBack, StepSkipped,
    CheckpointPublished, CheckpointAbandoned, CheckpointSkipped,
    ControlApplied, Alarm, Ended,
    SchedulerStalled,
}

/// <summary>Something worth a line in the event list; steps and evaluations are records, not events.</summary>
/// <param name="Step">Steps committed when it happened.</param>
/// <param name="Text">One sentence with names and numbers.</param>
public sealed record JobEvent(JobEventKind Kind, long Step, string Text);
