using System.Collections.Immutable;

namespace DistTrain.Protocol;

// What a new incarnation, a restore or a second copy changes.
public sealed partial class ShardMachine
{
    private void OnAdopt(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Incarnation < _incarnation)
        {
            effects.Send(Refusal(message, Verdict.StaleIncarnation));
            return;
        }
        if (message.Incarnation > _incarnation) EnterIncarnation(message, effects);
        effects.Send(Adopted());
    }

    private void EnterIncarnation(in Message message, EffectList effects)
    {
        (_incarnation, _placement) = (message.Incarnation, message.Placement ?? Placement.Empty);
        var (shard, primary) = _placement.Of(Address.Number);
        foreach (var pull in _pulls)
            effects.Send(Reply(MessageKind.Answer, pull.Worker, _version) with { Lease = pull.Lease, Verdict = Verdict.StaleIncarnation });
        _pulls.Clear();
        var admitted = message.Payload is not ImmutableArray<Branch> branches || Branch.Admit(branches, _version, _touched);
        if (shard != _shard || !admitted) Forget(effects);
        // A complete root outlives the incarnation: its step may be decided already. Nothing else does.
        else if (_root is null) DropGradients(effects);
        (_shard, _primary, _isOpen) = (shard, primary, false);
        (_alarm, _resendAt) = (default, TimeSpan.MaxValue);
        (_figures, _mirrored) = (null, false);
    }

    private void Forget(EffectList effects)
    {
        DropGradients(effects);
        (_version, _applied, _touched, _isOpen) = (-1, -1, 0, false);
        _log.Clear(0);
    }

    private Message Adopted() => Reply(MessageKind.Adopted, Address.Job, _version) with { Lease = _touched, Flag = _root is not null, Payload = _log.Copy() };

    private void OnRestore(in Message message, EffectList effects)
    {
        if (message.Incarnation != _incarnation || _shard < 0 || message.Payload is not RestoreFrom from)
        {
            if (message.Incarnation < _incarnation) effects.Send(Refusal(message, Verdict.StaleIncarnation));
            return;
        }
        if (_loading == from.Name && _loadIncarnation == _incarnation)
        {
            if (_loaded) effects.Send(Restored(true, null));
            return;
        }
        Forget(effects);
        (_loading, _loadIncarnation, _loaded) = (from.Name, _incarnation, false);
        effects.Add(new Effect { Kind = EffectKind.Load, Payload = from, Message = Reply(MessageKind.None, Address.Host, from.Name.Version) with { Lease = ++_loadNumber } });
    }

    private void OnLoaded(in Message message, EffectList effects)
    {
        if (message.Incarnation != _incarnation || _loadIncarnation != _incarnation || _loaded || message.Lease != _loadNumber) return;
        if (message.Step != _loading.Version)
        {
            _loadIncarnation = -1;
            effects.Send(Restored(false, message.Text ?? "the state could not be loaded"));
            return;
        }
        (_loaded, _touched) = (true, _incarnation);
        (_version, _applied) = (message.Step, message.Step);
        _log.Clear(_version);
        effects.Send(Restored(true, null));
    }

    private Message Restored(bool loaded, string? why) =>
        Reply(MessageKind.Restored, Address.Job, _loading.Version) with { Lease = _loading.Incarnation, Flag = loaded, Text = why };

    private void OnNeedState(in Message message, EffectList effects)
    {
        if (message.Incarnation != _incarnation || !_primary || !_isOpen || message.Step != _version) return;
        effects.Send(Reply(MessageKind.State, message.From, _version) with { Payload = new ShardState(_log.Copy()) });
    }

    private void OnState(in Message message, TimeSpan now, EffectList effects)
    {
        var wanted = message.Incarnation == _incarnation && _shard >= 0 && !_primary && !_isOpen && message.Step == _needed && message.Step != _version;
        if (message.Payload is not ShardState state) return;
        if (!wanted)
        {
            Release(state.Memory, effects);
            return;
        }
        DropGradients(effects);
        effects.Add(new Effect { Kind = EffectKind.Install, Payload = state, Message = Reply(MessageKind.None, Address.Host, message.Step) });
        (_version, _applied, _needed) = (message.Step, message.Step, -1);
        _log.Replace(state.Log, _version);
        (_openSince, _touched) = (now, _incarnation);
        // As if it came now; the job would send it again, later.
        if (_opening.Incarnation == _incarnation && _opening.Open.Step == _version) OnOpenStep(_opening, now, effects);
    }

    public IReadOnlyList<Wait> Waits
    {
        get
        {
            _waits.Clear();
            if (_ended) return _waits;
            var always = TimeSpan.MaxValue;
            if (_shard < 0) Add(WaitKind.Adoption, Address.Job, _version, default, always);
            else if (_version < 0) Add(WaitKind.Restore, _loadIncarnation == _incarnation ? Address.Host : Address.Job, _loading.Version, default, always);
            else if (!_isOpen) Add(WaitKind.Opening, Address.Job, _version, default, always);
            else if (_open.Kind != StepKind.Train) Add(WaitKind.Opening, Address.Job, _version, default, always);
            else if (!_primary) Add(WaitKind.Gradients, Address.Seat(_placement.Shards[_shard].Primary), _version, TreeNode.Root(_plan.MicroBatches), always);
            else if (_root is null) Add(WaitKind.Gradients, Address.Job, _version, TreeNode.Root(_plan.MicroBatches), always);
            else if (_figures is null) Add(WaitKind.Norms, Address.Host, _version, default, always);
            else if (HasReplica && !_mirrored) Add(WaitKind.Replica, Address.Seat(_placement.Shards[_shard].Replica), _version, default, always);
            else Add(WaitKind.Opening, Address.Job, _version, default, always);
            foreach (var pull in _pulls) _waits.Add(new Wait(pull.Worker, WaitKind.Version, Address, _version, default, pull.Since, always));
            return _waits;
        }
    }

    private void Add(WaitKind kind, Address from, long step, TreeNode node, TimeSpan deadline) =>
        _waits.Add(new Wait(Address, kind, from, step, node, _openSince, deadline));
}
