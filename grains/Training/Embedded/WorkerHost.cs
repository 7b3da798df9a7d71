using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Where a test makes a worker vanish without a word.</summary>
public enum KillPoint
{
    /// <summary>At once, whatever it is doing.</summary>
    Now,

    /// <summary>When it is next about to compute a lease: the lease is lost.</summary>
    MidCompute,

    /// <summary>When it has next pushed a gradient to one shard and not yet to the others.</summary>
    MidPush,
}

/// <summary>A worker of this cluster: runs the worker machine; its leases are computed by its own thread.</summary>
/// <param name="stages">What stages of a pipeline need; null in a run without one.</param>
/// <param name="weights">The worker's own copy of the weights; null where it reads those of the shards in place.</param>
internal sealed class WorkerHost(WorkerMachine machine, MachineSet machines, int number, PulledWeights? weights = null, StagePools? stages = null) : MachineHost(machine, machines)
{
    private readonly Lock _gate = new();
    private Message _lease;
    private bool _hasLease;
    private Effect _task;
    private bool _hasTask;
    private int _idle;
    private int _killAt = -1;
    private int _dead;
    private int _begun;

    public int Number { get; } = number;

    public WorkerMachine Worker => machine;

    /// <summary>Time from asking for weights until all are there, and from the first push of a lease until all its nodes are taken, in seconds.</summary>
    public double PullSeconds { get; private set; }

    public double PushSeconds { get; private set; }

    private TimeSpan _pullSince = TimeSpan.MinValue;
    private TimeSpan _pushSince = TimeSpan.MinValue;

    /// <summary>Where the worker's thread waits.</summary>
    public WakeSignal Signal { get; } = new();

    /// <summary>It has vanished: nothing it does counts any more.</summary>
    public bool Dead => Volatile.Read(ref _dead) != 0;

    /// <summary>Never before it has begun: it then asks for nothing.</summary>
    public override TimeSpan NextWake => Volatile.Read(ref _begun) != 0 ? base.NextWake : TimeSpan.MaxValue;

    /// <summary>The machine has ended; the thread may leave.</summary>
    public bool Ended { get; private set; }

    /// <summary>It has finished a tree node.</summary>
    public bool HasWorked { get; set; }

    /// <summary>Raised once, when it has vanished.</summary>
    public Action<WorkerHost>? Vanished { get; init; }

    /// <summary>It can compute now: it joins, and is given leases. One that is still being started holds up nobody.</summary>
    public void Begin()
    {
        Volatile.Write(ref _begun, 1);
        Post(new Message { Kind = MessageKind.Tick, From = Address.Host, To = Machine.Address, Job = Machines.JobKey });
    }

    public void Kill(KillPoint point)
    {
        if (point == KillPoint.Now) Vanish();
        else Volatile.Write(ref _killAt, (int)point);
    }

    /// <summary>Like a process that is gone: no goodbye, and messages to it are lost; only its closed connection tells.</summary>
    /// <param name="why">A warning, given before anything follows from it: the run may end here, and then it must say why.</param>
    /// <returns>False where it has vanished before.</returns>
    public bool Vanish(string? why = null)
    {
        if (Interlocked.Exchange(ref _dead, 1) != 0) return false;
        if (why is not null && !Machines.Stopping) Machines.Warn(why);
        Machines.Remove(this);
        Vanished?.Invoke(this);
        Machines.DeliverFromOutside(Gone);
        Signal.Set();
        return true;
    }

    /// <summary>The lease to compute next, once.</summary>
    public bool TryTakeLease(out Message lease)
    {
        lock (_gate)
        {
            lease = _lease;
            if (!_hasLease) return false;
            (_hasLease, _lease) = (false, default);
        }
        if (Volatile.Read(ref _killAt) != (int)KillPoint.MidCompute) return true;
        Vanish();
        return false;
    }

    /// <summary>What stages of a pipeline need; null in a run without one.</summary>
    public StagePools? Stages => stages;

    /// <summary>The unit of a crew's lease to run next, forward or back, once.</summary>
    public bool TryTakeTask(out Effect task)
    {
        task = default;
        lock (_gate)
        {
            if (!_hasTask) return false;
            (task, _hasTask, _task) = (_task, false, default);
        }
        if (Volatile.Read(ref _killAt) != (int)KillPoint.MidCompute) return true;
        (task.Payload as IHeld)?.Release();
        Vanish();
        return false;
    }

    private void DropTask(long lease)
    {
        object? payload = null;
        lock (_gate)
            if (_hasTask && _task.Message.Lease == lease) (payload, _hasTask, _task) = (_task.Payload, false, default);
        (payload as IHeld)?.Release();
    }

    /// <summary>From now on it may be woken to run other machines.</summary>
    public void SayIdle() => Interlocked.Exchange(ref _idle, 1);

    public void SayBusy() => Interlocked.Exchange(ref _idle, 0);

    public bool TryWakeForHelp()
    {
        if (Interlocked.CompareExchange(ref _idle, 0, 1) != 1) return false;
        Signal.Set();
        return true;
    }

    private Message Gone => new() { Kind = MessageKind.Lost, From = Machine.Address, To = Address.Job, Job = Machines.JobKey };

    protected override void Perform(in Effect effect, Device device)
    {
        if (Dead)
        {
            if (effect.Kind is EffectKind.Release or EffectKind.KeepWeights or EffectKind.Forward or EffectKind.Backward) (effect.Payload as IHeld)?.Release();
            return;
        }
        switch (effect.Kind)
        {
            case EffectKind.Send:
                Send(effect.Message);
                break;
            case EffectKind.Compute:
                PullSeconds += Since(ref _pullSince);
                lock (_gate) (_lease, _hasLease) = (effect.Message, true);
                Signal.Set();
                break;
            case EffectKind.Cancel:
                lock (_gate)
                    if (_hasLease && _lease.Lease == effect.Message.Lease) (_hasLease, _lease) = (false, default);
                DropTask(effect.Message.Lease);
                break;
            case EffectKind.Forward or EffectKind.Backward:
                lock (_gate) (_task, _hasTask) = (effect, true);
                Signal.Set();
                break;
            case EffectKind.Fold:
                Fold((NodeGradient)effect.Payload!, (NodeGradient)effect.Other!, device);
                break;
            case EffectKind.Release:
                (effect.Payload as IHeld)?.Release();
                break;
            case EffectKind.Ended:
                Ended = true;
                Signal.Set();
                break;
            case EffectKind.KeepWeights:
                weights?.Keep(effect);
                break;
            default:
                break;
        }
    }

    private double Since(ref TimeSpan since)
    {
        var seconds = since == TimeSpan.MinValue ? 0 : (Machines.Now - since).TotalSeconds;
        since = TimeSpan.MinValue;
        return seconds;
    }

    private void Send(in Message message)
    {
        if (message.Kind == MessageKind.Push && _pushSince == TimeSpan.MinValue) _pushSince = Machines.Now;
        else if (message.Kind == MessageKind.Pull && _pullSince == TimeSpan.MinValue) _pullSince = Machines.Now;
        else if (message.Kind == MessageKind.Request) PushSeconds += Since(ref _pushSince);
        if (message.Kind is MessageKind.Activation or MessageKind.ActivationGradient)
        {
            // The machine keeps what it sends until it is taken.
            var activation = (IHeld)message.Payload!;
            activation.Hold();
            if (!Machines.Deliver(message)) activation.Release();
            return;
        }
        if (message.Kind != MessageKind.Push)
        {
            Machines.Deliver(message);
            // It vanished while it spoke: then what it said, to join say, must not be the last that is heard of it.
            if (Dead) Machines.DeliverFromOutside(Gone);
            return;
        }
        if (machine.ShardOf(message.To) is not (>= 0 and var shard)) return;
        var gradient = (NodeGradient)message.Payload!;
        if (!gradient.IsSealed) gradient.Seal();
        var part = gradient.Parts[shard];
        // A part that its shard has folded into was taken by it; sending it again would be sending something else.
        if (part.Folded) return;
        part.Hold();
        if (!Machines.Deliver(message with { Payload = part, Digest = part.Digest })) part.Release();
        if (Volatile.Read(ref _killAt) == (int)KillPoint.MidPush) Vanish();
    }

    // Units of one tree node, of the stages that this worker ran in the lease at hand.
    private void Fold(NodeGradient left, NodeGradient right, Device device)
    {
        stages!.Fold(device, left, right);
        right.Release();
    }
}
