namespace DistTrain.Protocol;

/// <summary>
/// One worker: joins, asks for work, pulls the weights of every shard, has the lease computed, pushes each tree node to every shard
/// until all have answered, and asks again. It holds no state that matters: it can vanish at any moment.
/// </summary>
/// <remarks>In a piped job a lease is a crew's, and this machine runs a part of the stages: see WorkerMachine.Stages. A refusal (old incarnation, old step) ends the lease at once; what was computed is dropped, because others have done it or will.</remarks>
public sealed partial class WorkerMachine : IMachine
{
    private enum Phase : byte { Joining, Idle, Pulling, Computing, Pushing, Ended }

    // One node of the lease's cover: its gradient and which shards have answered.
    private struct Part
    {
        internal TreeNode Node;
        internal bool Computed;
        internal object? Gradient;
        internal EvaluationTotals Totals;
        internal int Unanswered;
    }

    private readonly JobPlan _plan;
    private readonly Planted _planted;
    private readonly WorkerHello _hello;
    private readonly TreeNode[] _cover;
    private readonly Part[] _parts;
    private readonly bool[] _answered;
    private readonly bool[] _pulled;
    private readonly (long Incarnation, long Version)[] _held;
    private readonly List<Wait> _waits = [];

    private Phase _phase;
    private TimeSpan _phaseSince;
    private TimeSpan _resendAt;
    private TimeSpan _aliveAt;
    private TimeSpan _deadline = TimeSpan.MaxValue;
    private bool _retiring;

    private long _incarnation;
    private Placement _placement = Placement.Empty;
    private Message _lease;
    private int _nodes;
    private long _lastLease;
    private Verdict _lastVerdict;

    // Shards that this lease pulls from and pushes to: all of them, or those of the own stages.
    private int _firstShard;
    private int _endShard;

    public WorkerMachine(JobPlan plan, int number, WorkerHello hello) : this(plan, number, hello, Planted.Nothing)
    {
    }

    internal WorkerMachine(JobPlan plan, int number, WorkerHello hello, Planted planted)
    {
        (_plan, _hello, _planted, Address) = (plan, hello, planted, Address.Worker(number));
        var most = TreeNode.MostInCover(Math.Max(plan.MicroBatches, plan.EvaluationMicroBatches));
        (_cover, _parts, _answered) = (new TreeNode[most], new Part[most], new bool[most * plan.Shards.Length]);
        (_pulled, _held) = (new bool[plan.Shards.Length], new (long, long)[plan.Shards.Length]);
        Array.Fill(_held, (-1, -1));
        _units = new Unit[plan.IsPiped ? Math.Max(plan.MicroBatches, plan.EvaluationMicroBatches) : 0];
    }

    public Address Address { get; }

    public bool HasEnded => _phase == Phase.Ended;

    /// <summary>The lease it works on; 0 for none.</summary>
    public long Lease => _phase is Phase.Pulling or Phase.Computing or Phase.Pushing ? _lease.Lease : 0;

    /// <summary>For people; empty without a lease.</summary>
    public string LeaseText => Lease == 0 ? "" : $"{(_lease.Open.Kind == StepKind.Evaluate ? "evaluation of " : "")}step {_lease.Open.Step}, micro-batches {_lease.Node}";

    public TimeSpan NextWake => _phase == Phase.Ended ? TimeSpan.MaxValue : Min(_resendAt, Min(_aliveAt, _deadline));

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    public void Handle(in Message message, TimeSpan now, EffectList effects)
    {
        if (_phase == Phase.Ended || (message.Kind != MessageKind.Tick && message.From.Role != Role.Host && message.Job != _plan.Key))
        {
            Drop(message.Payload, message.Kind, effects);
            return;
        }
        switch (message.Kind)
        {
            case MessageKind.Welcome: OnWelcome(message, now, effects); break;
            case MessageKind.Unknown: Rejoin(now, effects); break;
            case MessageKind.Lease: OnLease(message, now, effects); break;
            case MessageKind.Weights: OnWeights(message, now, effects); break;
            case MessageKind.Answer: OnAnswer(message, now, effects); break;
            case MessageKind.Computed: OnComputed(message, now, effects); break;
            case MessageKind.ComputeFailed: OnComputeFailed(message, now, effects); break;
            case MessageKind.Activation or MessageKind.ActivationGradient: OnCrossing(message, now, effects); break;
            case MessageKind.Taken: OnTaken(message, now, effects); break;
            case MessageKind.Forwarded or MessageKind.Backwarded: OnPassed(message, now, effects); break;
            case MessageKind.TakenBack:
                if (Lease != 0 && message.Lease == Lease) GiveUp(now, effects);
                break;
            case MessageKind.Retire:
                _retiring = true;
                if (Lease == 0) Leave(effects);
                break;
            case MessageKind.Refused or MessageKind.Ended: End(message.Text ?? "", effects); break;
            default: break;
        }
        if (_phase == Phase.Ended) return;
        if (now >= _deadline) GiveUp(now, effects);
        if (now >= _aliveAt)
        {
            _aliveAt = now + _plan.Limits.Heartbeat;
            if (_phase != Phase.Joining) effects.Send(Alive());
        }
        if (now >= _resendAt) Resend(now, effects);
    }

    private void OnWelcome(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Incarnation > _incarnation) (_incarnation, _placement) = (message.Incarnation, message.Placement ?? Placement.Empty);
        if (_phase == Phase.Joining) Ask(now, effects);
        // What an earlier incarnation leased is refused everywhere, and who waits for another member of its crew asks nobody: the worker is free again at once.
        else if (Lease != 0 && message.Incarnation > _lease.Incarnation) GiveUp(now, effects);
    }

    private void Rejoin(TimeSpan now, EffectList effects)
    {
        if (Lease != 0) Abandon(effects);
        Enter(Phase.Joining, now);
    }

    private void Ask(TimeSpan now, EffectList effects)
    {
        if (_retiring)
        {
            Leave(effects);
            return;
        }
        Enter(Phase.Idle, now);
        Resend(now, effects);
    }

    private void OnLease(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Lease <= _lastLease || message.Incarnation < _incarnation || message.Lease <= Lease) return;
        if (_phase == Phase.Joining || _retiring) return;
        if (Lease != 0) Abandon(effects);
        _lease = message;
        (_incarnation, _placement) = (message.Incarnation, message.Placement ?? _placement);
        TakePlace();
        CoverLease();
        Enter(Phase.Pulling, now);
        _deadline = now + _plan.Limits.Lease;
        for (var s = 0; s < _pulled.Length; s++) _pulled[s] = _held[s] == (message.Incarnation, message.Open.Step);
        if (IsStaged) TakeEarly(now, effects);
        Resend(now, effects);
        ComputeIfPulled(now, effects);
    }

    private void CoverLease()
    {
        var evaluation = _lease.Open.Kind == StepKind.Evaluate;
        var cut = evaluation ? _plan.EvaluationCut : _plan.Cut(_lease.Open.Step);
        var found = TreeNode.Cover(_lease.Node.First, _lease.Node.Count, cut.Count, _cover);
        _nodes = 0;
        for (var i = 0; i < found; i++)
        {
            if (cut.IsAbsent(_cover[i])) continue;
            _parts[_nodes++] = new Part { Node = _cover[i], Unanswered = evaluation ? 1 : _endShard - _firstShard };
        }
        Array.Clear(_answered);
        if (IsStaged) CutUnits(cut, evaluation);
    }

    private void OnWeights(in Message message, TimeSpan now, EffectList effects)
    {
        var shard = ShardOf(message.From);
        if (_phase != Phase.Pulling || shard < 0 || _pulled[shard] || message.Incarnation != _lease.Incarnation || message.Step != _lease.Open.Step)
        {
            Drop(message.Payload, message.Kind, effects);
            return;
        }
        effects.Add(new Effect { Kind = EffectKind.KeepWeights, Payload = message.Payload, Message = To(Address.Host, MessageKind.None) with { From = message.From, Step = message.Step, Digest = (ulong)shard } });
        (_pulled[shard], _held[shard]) = (true, (message.Incarnation, message.Step));
        ComputeIfPulled(now, effects);
    }

    private void ComputeIfPulled(TimeSpan now, EffectList effects)
    {
        if (_pulled.AsSpan(_firstShard, _endShard - _firstShard).Contains(false)) return;
        Enter(Phase.Computing, now);
        if (IsStaged) NextTask(effects);
        else effects.Add(new Effect { Kind = EffectKind.Compute, Message = _lease });
    }

    private void OnComputed(in Message message, TimeSpan now, EffectList effects)
    {
        if (IsStaged && message.Lease == Lease)
        {
            OnUnitComputed(message, now, effects);
            return;
        }
        var part = message.Lease == Lease ? PartOf(message.Node) : -1;
        if (part < 0 || _parts[part].Computed || _phase is not (Phase.Computing or Phase.Pushing))
        {
            Drop(message.Payload, message.Kind, effects);
            return;
        }
        (_parts[part].Computed, _parts[part].Gradient, _parts[part].Totals) = (true, message.Payload, message.Totals);
        if (_phase == Phase.Computing) Enter(Phase.Pushing, now);
        Push(part, effects);
    }

    private void Push(int part, EffectList effects)
    {
        ref readonly var p = ref _parts[part];
        if (_lease.Open.Kind == StepKind.Evaluate)
        {
            effects.Send(About(Address.Job, MessageKind.Evaluated) with { Node = p.Node, Totals = p.Totals });
            return;
        }
        for (var s = _firstShard; s < _endShard; s++)
            if (!_answered[part * _pulled.Length + s]) effects.Send(About(SeatOf(s), MessageKind.Push) with { Node = p.Node, Payload = p.Gradient });
    }

    private void OnAnswer(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Lease != Lease || Lease == 0) return;
        switch (message.Verdict)
        {
            case Verdict.Accepted or Verdict.Repeated or Verdict.Covered:
                Answered(message, now, effects);
                break;
            case Verdict.AlreadyCommitted when _phase == Phase.Pushing:
                Finish(Verdict.Accepted, now, effects);
                break;
            case Verdict.NotYet: break;
            default: GiveUp(now, effects); break;
        }
    }

    private void Answered(in Message message, TimeSpan now, EffectList effects)
    {
        var part = PartOf(message.Node);
        if (_phase != Phase.Pushing || part < 0) return;
        var shard = _lease.Open.Kind == StepKind.Evaluate ? 0 : ShardOf(message.From);
        if (shard < 0 || _answered[part * _pulled.Length + shard]) return;
        _answered[part * _pulled.Length + shard] = true;
        if (--_parts[part].Unanswered > 0) return;
        Drop(_parts[part].Gradient, MessageKind.Computed, effects);
        _parts[part].Gradient = null;
        FinishIfDone(now, effects);
    }

    private void FinishIfDone(TimeSpan now, EffectList effects)
    {
        for (var i = 0; i < _nodes; i++)
            if (!_parts[i].Computed || _parts[i].Unanswered > 0) return;
        if (IsStaged && !UnitsAreDone()) return;
        Finish(Verdict.Accepted, now, effects);
    }

    private void OnComputeFailed(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Lease != Lease || Lease == 0) return;
        if (message.Text is not null) effects.Send(To(Address.Job, MessageKind.Failed) with { Lease = message.Lease, Text = message.Text });
        GiveUp(now, effects);
    }

    private void GiveUp(TimeSpan now, EffectList effects) => Finish(Verdict.GivenUp, now, effects);

    private void Finish(Verdict verdict, TimeSpan now, EffectList effects)
    {
        Abandon(effects);
        _lastVerdict = verdict;
        Ask(now, effects);
    }

    /// <summary>The lease is over, whatever became of it.</summary>
    private void Abandon(EffectList effects)
    {
        var computing = _phase == Phase.Computing;
        for (var i = 0; i < _nodes; i++)
        {
            computing |= _phase == Phase.Pushing && !_parts[i].Computed;
            Drop(_parts[i].Gradient, MessageKind.Computed, effects);
            _parts[i] = default;
        }
        if (IsStaged) DropUnits(effects);
        if (computing) effects.Add(new Effect { Kind = EffectKind.Cancel, Message = _lease });
        (_nodes, _lastLease, _lastVerdict, _deadline, _crew) = (0, _lease.Lease, Verdict.GivenUp, TimeSpan.MaxValue, null);
    }

    private void Resend(TimeSpan now, EffectList effects)
    {
        _resendAt = now + _plan.Limits.Resend;
        switch (_phase)
        {
            case Phase.Joining: effects.Send(To(Address.Job, MessageKind.Join) with { Payload = _hello }); break;
            case Phase.Idle: effects.Send(To(Address.Job, MessageKind.Request) with { Lease = _lastLease, Verdict = _lastVerdict }); break;
            case Phase.Pulling:
                for (var s = _firstShard; s < _endShard; s++)
                    if (!_pulled[s]) effects.Send(About(SeatOf(s), MessageKind.Pull) with { Open = _lease.Open });
                break;
            case Phase.Pushing:
                for (var i = 0; i < _nodes; i++)
                    if (_parts[i].Computed && _parts[i].Unanswered > 0) Push(i, effects);
                break;
            default: break;
        }
        if (IsStaged && _phase is Phase.Computing or Phase.Pushing) SendCrossings(effects);
    }

    private void Leave(EffectList effects)
    {
        effects.Send(To(Address.Job, MessageKind.Leave));
        End("retired", effects);
    }

    private void End(string why, EffectList effects)
    {
        if (Lease != 0) Abandon(effects);
        DropEarly(long.MaxValue, effects);
        _phase = Phase.Ended;
        effects.Add(new Effect { Kind = EffectKind.Ended, Text = why });
    }

    private void Enter(Phase phase, TimeSpan now) => (_phase, _phaseSince, _resendAt) = (phase, now, phase is Phase.Joining ? now : now + _plan.Limits.Resend);

    private static void Drop(object? payload, MessageKind kind, EffectList effects)
    {
        if (payload is not null && kind is MessageKind.Weights or MessageKind.Computed or MessageKind.Activation or MessageKind.ActivationGradient or MessageKind.Forwarded or MessageKind.Backwarded) effects.Add(new Effect { Kind = EffectKind.Release, Payload = payload });
    }

    /// <summary>The shard that the seat is primary of, as far as this worker knows; -1 for none. The host cuts a Push for this shard.</summary>
    public int ShardOf(Address seat)
    {
        for (var s = 0; s < _placement.Shards.Length; s++)
            if (_placement.Shards[s].Primary == seat.Number && seat.Role == Role.Seat) return s;
        return -1;
    }

    private Address SeatOf(int shard) => Address.Seat(_placement.Shards[shard].Primary);

    private int PartOf(TreeNode node)
    {
        for (var i = 0; i < _nodes; i++)
            if (_parts[i].Node == node) return i;
        return -1;
    }

    private Message To(Address to, MessageKind kind) => new() { Kind = kind, From = Address, To = to, Job = _plan.Key, Incarnation = _incarnation };

    private Message About(Address to, MessageKind kind) =>
        new() { Kind = kind, From = Address, To = to, Job = _plan.Key, Incarnation = _lease.Incarnation, Step = _lease.Open.Step, Lease = _lease.Lease };

    public IReadOnlyList<Wait> Waits
    {
        get
        {
            _waits.Clear();
            switch (_phase)
            {
                case Phase.Joining: Add(WaitKind.Welcome, Address.Job, default); break;
                case Phase.Idle: Add(WaitKind.Work, Address.Job, default); break;
                case Phase.Computing or Phase.Pushing when IsStaged: AddStaged(); break;
                case Phase.Computing: Add(WaitKind.Computation, Address.Host, _lease.Node); break;
                case Phase.Pulling:
                    for (var s = _firstShard; s < _endShard; s++)
                        if (!_pulled[s]) Add(WaitKind.Weights, SeatOf(s), default);
                    break;
                case Phase.Pushing:
                    for (var i = 0; i < _nodes; i++) AddPart(i);
                    break;
                default: break;
            }
            return _waits;
        }
    }

    private void AddPart(int part)
    {
        if (!_parts[part].Computed) Add(WaitKind.Computation, Address.Host, _parts[part].Node);
        else if (_parts[part].Unanswered > 0 && _lease.Open.Kind == StepKind.Evaluate) Add(WaitKind.Answers, Address.Job, _parts[part].Node);
        else if (_parts[part].Unanswered > 0)
            for (var s = _firstShard; s < _endShard; s++)
                if (!_answered[part * _pulled.Length + s]) Add(WaitKind.Answers, SeatOf(s), _parts[part].Node);
    }

    private void Add(WaitKind kind, Address from, TreeNode node) => _waits.Add(new Wait(Address, kind, from, _lease.Open.Step, node, _phaseSince, _deadline));
}
