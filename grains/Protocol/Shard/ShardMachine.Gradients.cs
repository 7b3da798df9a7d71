namespace DistTrain.Protocol;

// From the first push of a step to Reduced: inbox, folds, norms, replica.
public sealed partial class ShardMachine
{
    private void OnPush(in Message message, TimeSpan now, EffectList effects)
    {
        var verdict = Take(message);
        if (verdict != Verdict.Accepted) Release(message.Payload, effects);
        else Keep(message, effects);
        effects.Send(Refusal(message, verdict));
        if (verdict == Verdict.Corrupt) Alarm(message.Node, $"{message.From} and another worker sent different gradients for step {message.Step}, micro-batches {message.Node}, shard {_shard}", now, effects);
        if (verdict == Verdict.Accepted && _inbox.IsComplete) RootIsHere(now, effects);
    }

    private Verdict Take(in Message message)
    {
        if (Stale(message)) return Verdict.StaleIncarnation;
        if (Ahead(message)) return Verdict.NotYet;
        if (!_primary) return Verdict.Refused;
        if (message.Step < _version) return Verdict.AlreadyCommitted;
        if (message.Step > _version || !_isOpen || _open.Kind != StepKind.Train) return Verdict.NotYet;
        return _inbox.Offer(message.Node, message.Digest);
    }

    private void Keep(in Message message, EffectList effects)
    {
        _payloads[_inbox.Entry] = message.Payload;
        foreach (var entry in _inbox.Replaced)
        {
            Release(_payloads[entry], effects);
            _payloads[entry] = null;
        }
        foreach (var fold in _inbox.Folds)
        {
            effects.Add(new Effect { Kind = EffectKind.Fold, Payload = _payloads[fold.Left], Other = _payloads[fold.Right] });
            _payloads[fold.Right] = null;
        }
    }

    private void RootIsHere(TimeSpan now, EffectList effects)
    {
        if (_root is not null) return;
        _root = _payloads[_inbox.RootPlace];
        _payloads[_inbox.RootPlace] = null;
        (_figures, _mirrored) = (null, false);
        effects.Add(new Effect { Kind = EffectKind.Norms, Payload = _root, Message = Reply(MessageKind.None, Address.Host, _version) });
        Mirror(effects);
        _resendAt = now + _plan.Limits.Resend;
    }

    private bool HasReplica => _shard >= 0 && _placement.Shards[_shard].HasReplica;

    private void Mirror(EffectList effects)
    {
        if (HasReplica && !_mirrored)
            effects.Send(Reply(MessageKind.Mirror, Address.Seat(_placement.Shards[_shard].Replica), _version) with { Payload = _root });
    }

    private void OnMirror(in Message message, EffectList effects)
    {
        var wanted = message.Incarnation == _incarnation && _shard >= 0 && !_primary && message.From == Address.Seat(_placement.Shards[_shard].Primary);
        if (!wanted || message.Step > _version || (message.Step == _version && (!_isOpen || _open.Kind != StepKind.Train)))
        {
            Release(message.Payload, effects);
            return;
        }
        if (message.Step == _version && _root is null) (_root, _rootDigest) = (message.Payload, message.Digest);
        else Release(message.Payload, effects);
        effects.Send(Reply(MessageKind.Mirrored, message.From, message.Step));
    }

    private void OnMirrored(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Incarnation != _incarnation || !_primary || message.Step != _version || _root is null || _mirrored) return;
        if (message.From != Address.Seat(_placement.Shards[_shard].Replica)) return;
        _mirrored = true;
        SayReduced(now, effects);
    }

    private void OnNormsReady(in Message message, TimeSpan now, EffectList effects)
    {
        if (message.Incarnation != _incarnation || message.Step != _version || _root is null || !_isOpen) return;
        (_figures, _rootDigest) = (message.Payload as ReducedFigures, message.Digest);
        SayReduced(now, effects);
    }

    private void SayReduced(TimeSpan now, EffectList effects)
    {
        if (!_primary || !_isOpen || _root is null || _figures is null) return;
        if (HasReplica && !_mirrored && !_planted.ReplicaRuleOff) return;
        effects.Send(Reply(MessageKind.Reduced, Address.Job, _version) with { Digest = _rootDigest, Payload = _figures });
        _resendAt = now + _plan.Limits.Resend;
    }

    private void Alarm(TreeNode node, string text, TimeSpan now, EffectList effects)
    {
        _alarm = Reply(MessageKind.Alarm, Address.Job, _version) with { Node = node, Text = text };
        effects.Send(_alarm);
        _resendAt = now + _plan.Limits.Resend;
    }

    private void Resend(TimeSpan now, EffectList effects)
    {
        _resendAt = TimeSpan.MaxValue;
        if (_alarm.Kind == MessageKind.Alarm)
        {
            effects.Send(_alarm);
            _resendAt = now + _plan.Limits.Resend;
        }
        if (_root is null || !_primary || !_isOpen) return;
        _resendAt = now + _plan.Limits.Resend;
        Mirror(effects);
        SayReduced(now, effects);
    }

    /// <summary>Whatever was collected for a step that is over, or that begins again.</summary>
    private void DropGradients(EffectList effects)
    {
        Release(_root, effects);
        (_root, _figures, _mirrored) = (null, null, false);
        for (var i = 0; i < _payloads.Length; i++)
        {
            Release(_payloads[i], effects);
            _payloads[i] = null;
        }
    }
}
