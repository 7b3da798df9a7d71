namespace DistTrain.Protocol;

/// <summary>
/// A state machine without input and output of its own: <c>Handle(message, now) -> effects</c>, pure and deterministic. It has no
/// threads, tasks, files, sockets, clocks or random numbers; the host brings all of them.
/// </summary>
/// <remarks>
/// <para><b>Driving a machine.</b> One thread at a time. For each message that arrives: <c>machine.Handle(message, now, effects)</c>,
/// then perform <c>effects</c> in order, then <c>effects.Clear()</c>. <c>now</c> is any monotonic clock of this host; clocks of
/// different hosts need not agree. When <see cref="NextWake"/> has come, hand in a Tick. An answer to an effect is a message
/// with From = <see cref="Address.Host"/>; it may be handed in at once, after the effects before it are performed, or later.
/// Effects of one machine are performed in order; Norms, Apply, Snapshot, Load, Compute may be performed elsewhere as long as
/// the order seen by the memory they touch is kept.</para>
/// <para><b>Scheduler.</b> <c>new JobMachine(plan, rule)</c>; hand in Start. It reads and writes the register, places the shards on
/// seats that announce themselves (SeatAlive), restores or initializes them, opens step after step and ends with Ended.</para>
/// <para><b>Shard.</b> <c>new ShardMachine(plan, seat)</c>, one for each seat; hand in a Tick: it announces itself to the job. The seat's
/// memory (weights, optimizer state, gradients of tree nodes) is the host's; the machine says what to fold, when to apply.</para>
/// <para><b>Worker.</b> <c>new WorkerMachine(plan, number, hello)</c>; hand in a Tick: it joins. On Compute run the micro-batches on the
/// device and hand in one Computed for each node of the lease's cover. On Retire it finishes its lease and leaves.</para>
/// <para><b>Sending.</b> Send effects with To = job, seat or worker go over the lane or, in one process, straight to the other machine's
/// host. The host attaches payloads that only it has: the part of the gradient (Push; also its Digest), the weights (Weights), a copy
/// of the root gradient (Mirror), a copy of the state (State). Messages may be lost, repeated and reordered.</para>
/// <para><b>Payloads</b> belong to whom the message is delivered to and are ended by exactly one effect: Release, Fold (as Other),
/// Apply, Install, KeepWeights. A Computed payload may be sent several times (Push to every shard, again after a loss) before its Release.</para>
/// <para><b>Waits.</b> Whatever a machine waits for is in <see cref="Waits"/>, with a deadline; nothing waits unlisted.</para>
/// </remarks>
public interface IMachine
{
    Address Address { get; }

    /// <summary>When to hand in a Tick at the latest; <see cref="TimeSpan.MaxValue"/>: never.</summary>
    TimeSpan NextWake { get; }

    /// <summary>What this machine waits for now.</summary>
    IReadOnlyList<Wait> Waits { get; }

    void Handle(in Message message, TimeSpan now, EffectList effects);
}
