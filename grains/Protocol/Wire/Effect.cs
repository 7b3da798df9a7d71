namespace DistTrain.Protocol;

/// <summary>What a machine asks of its host. The host performs the effects of one machine in order.</summary>
public enum EffectKind : byte
{
    /// <summary>Deliver <see cref="Effect.Message"/> to its To, or lose it: every machine lives with loss, repetition and reordering. MessageKind says where the host attaches a payload.</summary>
    Send,

    // Job.

    /// <summary>Answer RegisterRead.</summary>
    ReadRegister,

    /// <summary>Write Payload (RegisterRecord) durably if the register's revision is Message.Step (-1: there is none), as one atomic act; answer RegisterWritten.</summary>
    WriteRegister,

    /// <summary>Answer CheckpointsListed.</summary>
    ListCheckpoints,

    /// <summary>Check every hash of checkpoint Payload (RestoreFrom without manifest); answer CheckpointVerified.</summary>
    VerifyCheckpoint,

    /// <summary>Write Payload (CheckpointManifest) durably and exclusively, if the register's incarnation still is Message.Incarnation; answer ManifestPublished.</summary>
    PublishManifest,

    /// <summary><see cref="Effect.Entry"/> is committed; Message.Flag: replayed. No answer.</summary>
    Committed,

    /// <summary>The job stands at a state that was restored, or found on the shards: Payload is a RecalledLog, all records committed up to here. No answer.</summary>
    Recalled,

    /// <summary>Payload is a JobEvent. No answer.</summary>
    Event,

    /// <summary>The machine has ended: Message.Step steps, State, Text the reason. It ignores everything from now on.</summary>
    Ended,

    // Shard.

    /// <summary>Payload = Payload + Other (the lower micro-batches are the left operand); Other is released. No answer. A crew's member folds too.</summary>
    Fold,

    /// <summary>Sums of squares by block of the root gradient Payload; answer NormsReady.</summary>
    Norms,

    /// <summary>Step the optimizer from root gradient Payload as Message.Open (scalars) and Message.Open.Last (coefficient, skip: no update) say, release Payload (null when skipped without one); answer Applied.</summary>
    Apply,

    /// <summary>Payload is not needed any more. No answer.</summary>
    Release,

    /// <summary>Save the state as it is now (copy on write), named by Message.Step and Message.Incarnation; answer SnapshotWritten when on disk.</summary>
    Snapshot,

    /// <summary>Take the state from Payload (RestoreFrom); answer Loaded.</summary>
    Load,

    /// <summary>Take the state from Payload (ShardState) and release its memory. No answer.</summary>
    Install,

    // Worker.

    /// <summary>Compute lease Message.Lease: micro-batches Message.Node of step Message.Open from the weights pulled; answer Computed for each node of the cover, or ComputeFailed.</summary>
    Compute,

    /// <summary>Micro-batches Message.Node of crew lease Message.Lease (Message.Payload: the Crew) through the own stages, from Payload: the activation of the stage before, null at the first, which reads samples. Keep what Backward needs until then, or until Cancel or another lease; answer Forwarded, or ComputeFailed. Payload is released by the host.</summary>
    Forward,

    /// <summary>The same micro-batches back, from Payload: the gradient of what Forwarded gave, null at the last; answer Backwarded (not at the first), then Computed, or ComputeFailed. Payload is released by the host.</summary>
    Backward,

    /// <summary>Weights Payload of seat Message.From are version Message.Step of its shard; they replace the older ones. No answer.</summary>
    KeepWeights,

    /// <summary>Lease Message.Lease is not wanted any more; its Computed may be left out, and is dropped if it comes. Weights may change under it. No answer.</summary>
    Cancel,
}

/// <summary>One wish of a machine. A value; its fields are valid until the list is cleared.</summary>
public readonly struct Effect
{
    public EffectKind Kind { get; init; }
    public Message Message { get; init; }
    public object? Payload { get; init; }
    public object? Other { get; init; }
    public LogEntry Entry { get; init; }
    public JobState State { get; init; }
    public string? Text { get; init; }

    public override string ToString() => Kind == EffectKind.Send ? Message.ToString() : $"{Kind} {Payload} {Other} {Text}";
}

/// <summary>Effects of one or several calls, in order. Made once by the host and cleared after each use: its array grows to the most ever needed.</summary>
public sealed class EffectList
{
    private Effect[] _effects = new Effect[16];

    public int Count { get; private set; }

    public ref readonly Effect this[int index] => ref _effects[index];

    public ReadOnlySpan<Effect> AsSpan() => _effects.AsSpan(0, Count);

    public void Clear()
    {
        Array.Clear(_effects, 0, Count);
        Count = 0;
    }

    internal void Add(in Effect effect)
    {
        if (Count == _effects.Length) Array.Resize(ref _effects, 2 * Count);
        _effects[Count++] = effect;
    }

    internal void Send(in Message message) => Add(new Effect { Kind = EffectKind.Send, Message = message });
}
