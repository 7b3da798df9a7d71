namespace DistTrain.Protocol;

// A crew's lease: this worker runs some stages of the pipeline. Micro-batches go through in units; gpipe order, forwards before backwards, but nobody
// idles for it: whoever has no forward to run runs a backward that may, and the last stage turns each unit round at once.
public sealed partial class WorkerMachine
{
    private enum UnitState : byte { AwaitsActivation, MayForward, Forwarding, AwaitsGradient, MayBackward, Backwarding, Done }

    // One unit on its way; what was sent is kept until the other member has it.
    private struct Unit
    {
        internal TreeNode Node;
        internal UnitState State;
        internal object? Arrived;
        internal object? Activation;
        internal object? ActivationGradient;
        internal object? Gradient;
        internal EvaluationTotals Totals;
    }

    private readonly Unit[] _units;

    // Of leases that this worker has not heard of yet.
    private readonly List<Message> _early = [];

    private Crew? _crew;
    private int _place;
    private int _unitCount;
    private bool _running;

    private bool IsStaged => _crew is not null;

    private bool IsFirst => _place == 0;

    private bool IsLast => _place == _crew!.Members.Length - 1;

    private bool Evaluates => _lease.Open.Kind == StepKind.Evaluate;

    private void TakePlace()
    {
        _crew = _lease.Payload is Crew { Members.Length: > 1 } crew && crew.PlaceOf(Address.Number) >= 0 ? crew : null;
        (_firstShard, _endShard) = (0, _plan.Shards.Length);
        if (_crew is null) return;
        _place = _crew.PlaceOf(Address.Number);
        var member = _crew.Members[_place];
        (_firstShard, _endShard) = (_plan.Stages[member.FirstStage].FirstShard, _plan.Stages[member.FirstStage + member.StageCount - 1].EndShard);
    }

    private void CutUnits(MicroBatches cut, bool evaluation)
    {
        (_unitCount, _running) = (0, false);
        var most = evaluation ? 1 : _crew!.UnitOf(_lease.Node.Count);
        for (var i = 0; i < _nodes; i++) CutUnits(_parts[i].Node, cut, most);
    }

    private void CutUnits(TreeNode node, MicroBatches cut, int most)
    {
        if (cut.IsAbsent(node)) return;
        if (node.Count <= most) _units[_unitCount++] = new Unit { Node = node, State = IsFirst ? UnitState.MayForward : UnitState.AwaitsActivation };
        else
        {
            CutUnits(node.Left, cut, most);
            CutUnits(node.Right, cut, most);
        }
    }

    private void OnCrossing(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Lease > Math.Max(Lease, _lastLease))
        {
            KeepEarly(message, effects);
            return;
        }
        // What comes for a lease that is over is answered too: the sender shall not wait for this worker.
        var mine = IsStaged && Lease != 0 && (message.Lease == Lease || _planted.AttemptCheckOff);
        var unit = mine ? UnitAt(message.Node) : -1;
        var backward = message.Kind == MessageKind.ActivationGradient;
        if (unit < 0 || _units[unit].State != (backward ? UnitState.AwaitsGradient : UnitState.AwaitsActivation)) Drop(message.Payload, message.Kind, effects);
        else (_units[unit].Arrived, _units[unit].State) = (message.Payload, backward ? UnitState.MayBackward : UnitState.MayForward);
        effects.Send(To(message.From, MessageKind.Taken) with { Lease = message.Lease, Node = message.Node, Flag = backward });
        NextTask(effects);
    }

    private void KeepEarly(in Message message, EffectList effects)
    {
        var known = _early.Count >= 2 * _units.Length;
        foreach (var early in _early) known |= early.Lease == message.Lease && early.Node == message.Node && early.Kind == message.Kind;
        // Not answered: if it does not stay here, it comes again.
        if (known) Drop(message.Payload, message.Kind, effects);
        else _early.Add(message);
    }

    private void TakeEarly(TimeSpan now, EffectList effects)
    {
        for (var i = 0; i < _early.Count; i++)
            if (_early[i].Lease == Lease) OnCrossing(_early[i], now, effects);
        _early.RemoveAll(e => e.Lease == Lease);
        DropEarly(Lease, effects);
    }

    private void DropEarly(long before, EffectList effects)
    {
        foreach (var early in _early)
            if (early.Lease < before) Drop(early.Payload, early.Kind, effects);
        _early.RemoveAll(e => e.Lease < before);
    }

    /// <summary>One task at a time: the host's device is one.</summary>
    private void NextTask(EffectList effects)
    {
        if (!IsStaged || _running || _phase is not (Phase.Computing or Phase.Pushing)) return;
        var (forward, backward) = (-1, -1);
        for (var u = 0; u < _unitCount; u++)
        {
            if (_units[u].State == UnitState.MayForward && forward < 0) forward = u;
            if (_units[u].State == UnitState.MayBackward) backward = u;
        }
        if (forward >= 0 && (backward < 0 || !IsLast)) Run(forward, EffectKind.Forward, UnitState.Forwarding, effects);
        else if (backward >= 0) Run(backward, EffectKind.Backward, UnitState.Backwarding, effects);
    }

    private void Run(int unit, EffectKind kind, UnitState state, EffectList effects)
    {
        effects.Add(new Effect { Kind = kind, Message = _lease with { Node = _units[unit].Node }, Payload = _units[unit].Arrived });
        (_units[unit].Arrived, _units[unit].State, _running) = (null, state, true);
    }

    /// <summary>Forwarded, or Backwarded.</summary>
    private void OnPassed(in Message message, TimeSpan now, EffectList effects)
    {
        var unit = IsStaged && Lease != 0 && message.Lease == Lease ? UnitAt(message.Node) : -1;
        var backward = message.Kind == MessageKind.Backwarded;
        if (unit < 0 || _units[unit].State != (backward ? UnitState.Backwarding : UnitState.Forwarding))
        {
            Drop(message.Payload, message.Kind, effects);
            return;
        }
        if (backward)
        {
            _units[unit].ActivationGradient = message.Payload;
            SendCrossing(unit, backward: true, effects);
            return;
        }
        (_running, _units[unit].Totals) = (false, message.Totals);
        _units[unit].State = Evaluates ? UnitState.Done : IsLast ? UnitState.MayBackward : UnitState.AwaitsGradient;
        if (!IsLast)
        {
            _units[unit].Activation = message.Payload;
            SendCrossing(unit, backward: false, effects);
        }
        if (Evaluates) PartIfDone(_units[unit].Node, now, effects);
        NextTask(effects);
    }

    private void OnUnitComputed(in Message message, TimeSpan now, EffectList effects)
    {
        var unit = UnitAt(message.Node);
        if (unit < 0 || _units[unit].State != UnitState.Backwarding)
        {
            Drop(message.Payload, message.Kind, effects);
            return;
        }
        (_units[unit].Gradient, _units[unit].State, _running) = (message.Payload, UnitState.Done, false);
        // The next unit is begun before this one's part is pushed.
        NextTask(effects);
        PartIfDone(message.Node, now, effects);
    }

    /// <summary>Once all units of a node of the lease's cover are done, they are folded in the tree and pushed as that node.</summary>
    private void PartIfDone(TreeNode unit, TimeSpan now, EffectList effects)
    {
        var part = 0;
        while (!_parts[part].Node.Contains(unit)) part++;
        for (var u = 0; u < _unitCount; u++)
            if (_parts[part].Node.Contains(_units[u].Node) && _units[u].State != UnitState.Done) return;
        _parts[part].Computed = true;
        if (Evaluates && !IsLast)
        {
            _parts[part].Unanswered = 0;
            FinishIfDone(now, effects);
            return;
        }
        if (Evaluates) _parts[part].Totals = Sum(_parts[part].Node) ?? default;
        else _parts[part].Gradient = Fold(_parts[part].Node, effects);
        if (_phase == Phase.Computing) Enter(Phase.Pushing, now);
        Push(part, effects);
    }

    private object? Fold(TreeNode node, EffectList effects)
    {
        if (UnitAt(node) is >= 0 and var unit)
        {
            var gradient = _units[unit].Gradient;
            _units[unit].Gradient = null;
            return gradient;
        }
        if (node.IsLeaf) return null;
        var (left, right) = (Fold(node.Left, effects), Fold(node.Right, effects));
        if (left is null || right is null) return left ?? right;
        effects.Add(new Effect { Kind = EffectKind.Fold, Payload = left, Other = right });
        return left;
    }

    private EvaluationTotals? Sum(TreeNode node)
    {
        if (UnitAt(node) is >= 0 and var unit) return _units[unit].Totals;
        if (node.IsLeaf) return null;
        var (left, right) = (Sum(node.Left), Sum(node.Right));
        return left is { } l && right is { } r ? l + r : left ?? right;
    }

    private void OnTaken(in Message message, TimeSpan now, EffectList effects)
    {
        var unit = IsStaged && Lease != 0 && message.Lease == Lease ? UnitAt(message.Node) : -1;
        if (unit < 0) return;
        ref var sent = ref message.Flag ? ref _units[unit].ActivationGradient : ref _units[unit].Activation;
        if (sent is null) return;
        Drop(sent, MessageKind.Activation, effects);
        sent = null;
        FinishIfDone(now, effects);
    }

    private void SendCrossings(EffectList effects)
    {
        for (var u = 0; u < _unitCount; u++)
        {
            if (_units[u].Activation is not null) SendCrossing(u, backward: false, effects);
            if (_units[u].ActivationGradient is not null) SendCrossing(u, backward: true, effects);
        }
    }

    private void SendCrossing(int unit, bool backward, EffectList effects) =>
        effects.Send(About(Neighbour(backward ? -1 : 1), backward ? MessageKind.ActivationGradient : MessageKind.Activation) with
        {
            Node = _units[unit].Node, Payload = backward ? _units[unit].ActivationGradient : _units[unit].Activation,
        });

    private Address Neighbour(int side) => Address.Worker(_crew!.Members[_place + side].Worker);

    private bool UnitsAreDone()
    {
        for (var u = 0; u < _unitCount; u++)
            if (_units[u].State != UnitState.Done || _units[u].Activation is not null || _units[u].ActivationGradient is not null) return false;
        return true;
    }

    private void DropUnits(EffectList effects)
    {
        for (var u = 0; u < _unitCount; u++)
        {
            Drop(_units[u].Arrived, MessageKind.Activation, effects);
            Drop(_units[u].Activation, MessageKind.Activation, effects);
            Drop(_units[u].ActivationGradient, MessageKind.ActivationGradient, effects);
            Drop(_units[u].Gradient, MessageKind.Computed, effects);
            _units[u] = default;
        }
        (_unitCount, _running) = (0, false);
    }

    private int UnitAt(TreeNode node)
    {
        for (var u = 0; u < _unitCount; u++)
            if (_units[u].Node == node) return u;
        return -1;
    }

    private Message Alive()
    {
        var alive = To(Address.Job, MessageKind.WorkerAlive) with { Lease = Lease };
        return IsStaged && Lease != 0 && Waits is [.., var last] ? alive with { Step = (long)last.Kind, Node = last.Node } : alive;
    }

    private void AddStaged()
    {
        AddFirst(UnitState.AwaitsActivation, WaitKind.Activation, -1);
        AddFirst(UnitState.AwaitsGradient, WaitKind.ActivationGradient, 1);
        for (var u = 0; u < _unitCount; u++)
        {
            if (_units[u].Activation is not null) Add(WaitKind.Answers, Neighbour(1), _units[u].Node);
            if (_units[u].ActivationGradient is not null) Add(WaitKind.Answers, Neighbour(-1), _units[u].Node);
        }
        for (var i = 0; i < _nodes; i++)
            if (_parts[i].Computed) AddPart(i);
        for (var u = 0; u < _unitCount; u++)
            if (_units[u].State is UnitState.Forwarding or UnitState.Backwarding) Add(WaitKind.Computation, Address.Host, _units[u].Node);
    }

    private void AddFirst(UnitState state, WaitKind kind, int side)
    {
        for (var u = 0; u < _unitCount; u++)
        {
            if (_units[u].State != state) continue;
            Add(kind, Neighbour(side), _units[u].Node);
            return;
        }
    }
}
