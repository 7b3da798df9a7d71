namespace DistTrain.Protocol;

/// <summary>Every message, by who sends it to whom. What is in brackets are the fields of <see cref="Message"/> that it uses beside Kind, From, To, Job.</summary>
public enum MessageKind : byte
{
    None,

    /// <summary>Host to any machine: nothing but the time has changed. Sent at or after <see cref="IMachine.NextWake"/>.</summary>
    Tick,

    // Worker to job.

    /// <summary>[Payload: WorkerHello] I am here; answered by Welcome or Refused, repeated until then.</summary>
    Join,

    /// <summary>[Lease: the last one that I finished or gave up, 0 for none; Verdict: how it ended] I have nothing to do. Answered by Lease when there is work; the worker waits.</summary>
    Request,

    /// <summary>[Lease: being worked on; of a crew's member also Step: a WaitKind, Node: micro-batches it waits for] A sign of life.</summary>
    WorkerAlive,

    /// <summary>[Incarnation, Step, Node, Totals, Lease] An evaluated tree node. Answered by Answer.</summary>
    Evaluated,

    /// <summary>[Lease, Text] User code threw.</summary>
    Failed,

    /// <summary>I finish nothing more; my lease is free.</summary>
    Leave,

    // Job to worker.

    /// <summary>[Incarnation, Placement]</summary>
    Welcome,

    /// <summary>[Text] The worker differs from the plan; it stops.</summary>
    Refused,

    /// <summary>[Incarnation, Placement, Lease, Node: leaves [First, First + Count), not always one tree node; Open: the step, with the last decision; Payload: the Crew that runs it, null where the job has no pipeline]</summary>
    Lease,

    /// <summary>[Lease] A crew's lease is over: a member is lost or has given up, or the step is decided. The worker asks for another.</summary>
    TakenBack,

    /// <summary>The job does not know this worker (it moved): join again.</summary>
    Unknown,

    /// <summary>[Text] The job has ended; the worker stops.</summary>
    Ended,

    // Between the members of a crew. Lease is the attempt: what another attempt sends is never used.

    /// <summary>[Incarnation, Step, Lease, Node, Payload: what the sender's stages make of these micro-batches] To the member after it. Answered by Taken.</summary>
    Activation,

    /// <summary>[Incarnation, Step, Lease, Node, Payload: the loss's gradient by that activation] To the member before it. Answered by Taken.</summary>
    ActivationGradient,

    /// <summary>[Lease, Node, Flag: an ActivationGradient] It has arrived, or is not needed any more.</summary>
    Taken,

    // Worker to shard.

    /// <summary>[Incarnation, Step: version, Lease, Open.Last] Answered by Weights once that version is committed here, or by Answer with a refusal.</summary>
    Pull,

    /// <summary>[Incarnation, Step, Node, Lease, Digest, Payload: gradient of that node, this shard's part] Answered by Answer. The sender's host cuts the part and sets Digest.</summary>
    Push,

    // Shard to worker.

    /// <summary>[Incarnation, Step: version, Payload: the shard's weights] The shard's host attaches the weights.</summary>
    Weights,

    /// <summary>[Incarnation: the current one, Step, Node, Lease, Verdict] To Push, Pull or Evaluated.</summary>
    Answer,

    // Seat to job.

    /// <summary>[Incarnation: adopted, 0 for none; Digest: the host, 0 = unknown] A sign of life, and an offer to host a shard. The sender's host says which it is: a replica is never beside its primary.</summary>
    SeatAlive,

    /// <summary>[Incarnation, Step: version, -1 when empty; Lease: the incarnation that last touched this state; Flag: has the root gradient of that step; Payload: LogEntry list since the last durable checkpoint]</summary>
    Adopted,

    /// <summary>[Incarnation, Step: version, -1 when empty; Lease: the step that it was told to open] A primary that cannot open the step.</summary>
    Behind,

    /// <summary>[Incarnation, Step and Lease: version and incarnation in the checkpoint's name; Flag: loaded; Text: why not]</summary>
    Restored,

    /// <summary>[Incarnation, Step, Open.Kind]</summary>
    Opened,

    /// <summary>[Incarnation, Step, Digest, Payload: ReducedFigures] The root gradient is complete here, and at the replica.</summary>
    Reduced,

    /// <summary>[Incarnation, Step: version, Payload: what the host says of the file; null with Text: why it failed]</summary>
    Saved,

    /// <summary>[Incarnation, Step, Node, Text] Two different gradients under one key.</summary>
    Alarm,

    // Job to seat.

    /// <summary>[Incarnation, Placement, Payload: ImmutableArray of Branch] Drop a state that is not of this past; refuse everything older from now on. Answered by Adopted.</summary>
    Adopt,

    /// <summary>[Incarnation, Payload: RestoreFrom] Answered by Restored.</summary>
    Restore,

    /// <summary>[Incarnation, Open] Commits the last step, opens this one. Answered by Opened.</summary>
    OpenStep,

    /// <summary>[Incarnation, Step] Is the snapshot of this version on disk? Answered by Saved when it is, or has failed.</summary>
    AskSaved,

    /// <summary>[Incarnation, Step] This version is published: older records may go.</summary>
    Published,

    // Between a shard's primary and its replica.

    /// <summary>[Incarnation, Step, Digest, Payload: the root gradient] The primary's host attaches a copy.</summary>
    Mirror,

    /// <summary>[Incarnation, Step]</summary>
    Mirrored,

    /// <summary>[Incarnation, Step] The replica is not at this version.</summary>
    NeedState,

    /// <summary>[Incarnation, Step: version, Payload: ShardState] The primary's host attaches a copy of weights and optimizer state.</summary>
    State,

    // Client and job.

    /// <summary>[Payload: Control]</summary>
    Control,

    /// <summary>[Payload: Control with the step that it holds from, or null with Text: why not]</summary>
    ControlAnswer,

    // Host to job: answers to effects, and news.

    /// <summary>[Payload: JobStart] First message of a job machine.</summary>
    Start,

    /// <summary>[From: the worker or seat] Its connection is closed and cannot be made again, or its process is known to have ended.</summary>
    Lost,

    /// <summary>[Payload: RegisterRecord or null] To ReadRegister.</summary>
    RegisterRead,

    /// <summary>[Flag: whether it was written, Payload: RegisterRecord as it is now] To WriteRegister.</summary>
    RegisterWritten,

    /// <summary>[Payload: CheckpointName list] To ListCheckpoints: what has a manifest, verified or not.</summary>
    CheckpointsListed,

    /// <summary>[Step, Lease as in the effect: the name's version and incarnation; Payload: CheckpointManifest, or null with Text: what is wrong] To VerifyCheckpoint.</summary>
    CheckpointVerified,

    /// <summary>[Incarnation, Step, Flag: published, Text: why not] To PublishManifest.</summary>
    ManifestPublished,

    // Host to seat.

    /// <summary>[Incarnation, Step, Digest, Payload: ReducedFigures] To Norms.</summary>
    NormsReady,

    /// <summary>[Incarnation, Step: the new version] To Apply.</summary>
    Applied,

    /// <summary>[Incarnation, Step: version, Payload or Text] To Snapshot, when the file is on disk or has failed.</summary>
    SnapshotWritten,

    /// <summary>[Incarnation and Lease as in the effect; Step: version, -1 when it failed; Text] To Load.</summary>
    Loaded,

    // Host to worker.

    /// <summary>[Lease, Node, Payload: gradient, or Totals] One tree node of the lease is computed; one message for each node of its cover.</summary>
    Computed,

    /// <summary>[Lease, Node, Payload: the activation for the next member, null from the last; Totals in an evaluation's last] To Forward.</summary>
    Forwarded,

    /// <summary>[Lease, Node, Payload: the activation's gradient for the member before; not sent by the first] To Backward, before its Computed, whose payload is the gradient of the own stages' parameters.</summary>
    Backwarded,

    /// <summary>[Lease, Text] The computation threw; without a text it only gave up, because the weights it began with are gone.</summary>
    ComputeFailed,

    /// <summary>Finish the lease and leave.</summary>
    Retire,
}

/// <summary>How a push, pull or lease was taken.</summary>
public enum Verdict : byte
{
    None,

    /// <summary>New; it counts.</summary>
    Accepted,

    /// <summary>The same key with the same digest was there; nothing changed.</summary>
    Repeated,

    /// <summary>An ancestor is there; nothing changed.</summary>
    Covered,

    /// <summary>The step is decided; nothing changed.</summary>
    AlreadyCommitted,

    /// <summary>The sender's incarnation is over; Incarnation says the current one.</summary>
    StaleIncarnation,

    /// <summary>This shard is not that far yet: send again later.</summary>
    NotYet,

    /// <summary>The same key with another digest: the job fails by name.</summary>
    Corrupt,

    /// <summary>This seat does not hold what was asked for, or the message cannot be.</summary>
    Refused,

    /// <summary>The worker could not finish the lease.</summary>
    GivenUp,
}
