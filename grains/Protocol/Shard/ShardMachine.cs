namespace DistTrain.Protocol;

/// <summary>
/// One seat: the primary or replica of a parameter shard, or neither. It takes pushes into the inbox of the open step, says
/// what to fold, reports the root, applies the decision, answers pulls, and keeps the fence.
/// </summary>
/// <remarks>
/// <para>Answering incarnation n is a promise to refuse n - 1. A primary says Reduced only after the replica that its incarnation
/// names has the root gradient. A replica takes root gradients from its primary, opens and applies every step like it.</para>
/// <para>A version is committed here once its Apply effect is given, because applying cannot fail; pulls wait until it is done.</para>
/// </remarks>
public sealed partial class ShardMachine : IMachine
{
    private readonly record struct WaitingPull(Address Worker, long Lease, TimeSpan Since);

    private readonly JobPlan _plan;
    private readonly Planted _planted;
    private readonly TreeInbox _inbox;
    private readonly object?[] _payloads;
    private readonly RecordLog _log = new();
    private readonly List<WaitingPull> _pulls = [];
    private readonly List<Wait> _waits = [];

    private Placement _placement = Placement.Empty;
    private long _incarnation;
    private int _shard = -1;
    private bool _primary;

    // Committed steps, -1 = no state; applied follows when the host has done it.
    private long _version = -1;
    private long _applied = -1;
    private long _touched;
    private long _needed = -1;

    // What a replica was told to open when it had not the state for it.
    private Message _opening;
    private OpenStep _open;
    private bool _isOpen;
    private TimeSpan _openSince;

    // The root gradient of step _version, from its completion until it is applied or given up.
    private object? _root;
    private ReducedFigures? _figures;
    private ulong _rootDigest;
    private bool _mirrored;

    private CheckpointName _loading = new(-1, -1);
    private long _loadIncarnation = -1;
    private long _loadNumber;
    private bool _loaded;

    private enum SaveState : byte { None, Writing, Done, Failed }

    private CheckpointName _save = new(-1, -1);
    private SaveState _saveState;
    private object? _saveFile;
    private string? _saveText;

    private Message _alarm;
    private bool _ended;
    private TimeSpan _aliveAt;
    private TimeSpan _resendAt = TimeSpan.MaxValue;

    public ShardMachine(JobPlan plan, int seat) : this(plan, seat, Planted.Nothing)
    {
    }

    internal ShardMachine(JobPlan plan, int seat, Planted planted)
    {
        (_plan, _planted, Address) = (plan, planted, Address.Seat(seat));
        _inbox = new TreeInbox(plan.MicroBatches, planted);
        _payloads = new object?[_inbox.Entries];
    }

    public Address Address { get; }

    public TimeSpan NextWake => _ended ? TimeSpan.MaxValue : _aliveAt < _resendAt ? _aliveAt : _resendAt;

    /// <summary>The incarnation it has promised itself to; 0 before the first.</summary>
    public long Incarnation => _incarnation;

    /// <summary>The shard it holds, -1 for none.</summary>
    public int Shard => _shard;

    public bool IsPrimary => _primary;

    /// <summary>Holds the whole gradient of step <see cref="Version"/>.</summary>
    public bool HasRoot => _root is not null;

    /// <summary>Steps committed here; -1: no state.</summary>
    public long Version => _version;

    public void Handle(in Message message, TimeSpan now, EffectList effects)
    {
        if (_ended || (message.Kind != MessageKind.Tick && message.Job != _plan.Key))
        {
            if (message.Kind is MessageKind.Push or MessageKind.Mirror) Release(message.Payload, effects);
            return;
        }
        switch (message.Kind)
        {
            case MessageKind.Push: OnPush(message, now, effects); break;
            case MessageKind.Pull: OnPull(message, now, effects); break;
            case MessageKind.OpenStep: OnOpenStep(message, now, effects); break;
            case MessageKind.NormsReady: OnNormsReady(message, now, effects); break;
            case MessageKind.Applied: OnApplied(message, effects); break;
            case MessageKind.Mirror: OnMirror(message, effects); break;
            case MessageKind.Mirrored: OnMirrored(message, now, effects); break;
            case MessageKind.NeedState: OnNeedState(message, effects); break;
            case MessageKind.State: OnState(message, now, effects); break;
            case MessageKind.Adopt: OnAdopt(message, now, effects); break;
            case MessageKind.Restore: OnRestore(message, effects); break;
            case MessageKind.Loaded: OnLoaded(message, effects); break;
            case MessageKind.SnapshotWritten: OnSnapshotWritten(message, effects); break;
            case MessageKind.AskSaved: OnAskSaved(message, effects); break;
            case MessageKind.Published: if (message.Incarnation == _incarnation) _log.Trim(message.Step); break;
            case MessageKind.Ended: End(effects); break;
            default: break;
        }
        if (now >= _aliveAt)
        {
            _aliveAt = now + _plan.Limits.Heartbeat;
            effects.Send(Reply(MessageKind.SeatAlive, Address.Job, 0));
        }
        if (now >= _resendAt) Resend(now, effects);
    }

    private bool Stale(in Message message) => message.Incarnation < _incarnation && !_planted.FenceOff;

    private bool Ahead(in Message message) => message.Incarnation > _incarnation;

    private void OnOpenStep(in Message message, TimeSpan now, EffectList effects)
    {
        if (Ahead(message)) return;
        if (Stale(message))
        {
            effects.Send(Refusal(message, Verdict.StaleIncarnation));
            return;
        }
        if (_shard < 0) return;
        var open = message.Open;
        // What is open is never closed by a message that is older than it.
        if (_isOpen && (open.Step < _open.Step || (open.Step == _open.Step && open.Kind < _open.Kind))) return;
        if (open.Step == _version + 1) TryCommit(open.Last, effects);
        if (open.Step != _version)
        {
            if (_primary) effects.Send(Reply(MessageKind.Behind, Address.Job, _version) with { Lease = open.Step });
            else
            {
                (_needed, _isOpen, _opening) = (open.Step, false, message);
                effects.Send(Reply(MessageKind.NeedState, Address.Seat(_placement.Shards[_shard].Primary), open.Step));
            }
            return;
        }
        if (!_isOpen || open.Kind > _open.Kind)
        {
            DropGradients(effects);
            (_open, _isOpen, _openSince, _touched) = (open, true, now, _incarnation);
            if (open.Kind == StepKind.Train) _inbox.Begin(_plan.Cut(open.Step));
            _log.Add(open.LastEvaluation);
        }
        if (open.Save && _primary) Snapshot(new CheckpointName(_version, _incarnation), effects);
        effects.Send(Reply(MessageKind.Opened, Address.Job, open.Step) with { Open = new OpenStep { Kind = open.Kind, Step = open.Step } });
    }

    /// <summary>Commits step _version if this decision is its own and the root gradient is here.</summary>
    private bool TryCommit(in Decision decision, EffectList effects)
    {
        // A seat that was away may have opened the step under another rate than the one that was decided.
        if (decision.Step != _version || _version < 0 || _root is null || decision.Record.LearningRate != _open.LearningRate) return false;
        effects.Add(new Effect
        {
            Kind = EffectKind.Apply,
            Payload = _root,
            Message = Reply(MessageKind.None, Address.Host, _version) with { Open = _open with { Last = decision } },
        });
        _root = null;
        DropGradients(effects);
        _log.Add(decision.Record);
        _version++;
        _isOpen = false;
        return true;
    }

    private void OnApplied(in Message message, EffectList effects)
    {
        if (message.Step > _version || message.Step <= _applied) return;
        _applied = message.Step;
        if (_applied == _version) AnswerPulls(effects);
    }

    private void OnPull(in Message message, TimeSpan now, EffectList effects)
    {
        if (Stale(message) || !_primary || Ahead(message))
        {
            effects.Send(Refusal(message, Stale(message) ? Verdict.StaleIncarnation : Ahead(message) ? Verdict.NotYet : Verdict.Refused));
            return;
        }
        if (message.Step == _version + 1) TryCommit(message.Open.Last, effects);
        if (message.Step < _version)
        {
            effects.Send(Refusal(message, Verdict.AlreadyCommitted));
            return;
        }
        for (var i = _pulls.Count - 1; i >= 0; i--)
            if (_pulls[i].Worker == message.From) _pulls.RemoveAt(i);
        if (message.Step > _version) effects.Send(Refusal(message, Verdict.NotYet));
        else if (_applied < _version) _pulls.Add(new WaitingPull(message.From, message.Lease, now));
        else effects.Send(Reply(MessageKind.Weights, message.From, _version) with { Lease = message.Lease });
    }

    private void AnswerPulls(EffectList effects)
    {
        foreach (var pull in _pulls) effects.Send(Reply(MessageKind.Weights, pull.Worker, _version) with { Lease = pull.Lease });
        _pulls.Clear();
    }

    private void Snapshot(CheckpointName name, EffectList effects)
    {
        if (_save == name && _saveState is SaveState.Writing or SaveState.Done)
        {
            if (_saveState == SaveState.Done) effects.Send(Saved());
            return;
        }
        (_save, _saveState, _saveFile, _saveText) = (name, SaveState.Writing, null, null);
        effects.Add(new Effect { Kind = EffectKind.Snapshot, Message = Reply(MessageKind.None, Address.Host, name.Version) });
    }

    private void OnSnapshotWritten(in Message message, EffectList effects)
    {
        if (_save != new CheckpointName(message.Step, message.Incarnation) || _saveState != SaveState.Writing) return;
        (_saveFile, _saveText) = (message.Payload, message.Text);
        _saveState = message.Payload is null ? SaveState.Failed : SaveState.Done;
        if (_save.Incarnation == _incarnation) effects.Send(Saved());
    }

    private void OnAskSaved(in Message message, EffectList effects)
    {
        if (message.Incarnation != _incarnation || !_primary) return;
        if (_save != new CheckpointName(message.Step, message.Incarnation))
            effects.Send(Reply(MessageKind.Saved, Address.Job, message.Step) with { Text = $"shard {_shard} on {Address} has no snapshot of version {message.Step}" });
        else if (_saveState != SaveState.Writing) effects.Send(Saved());
    }

    private Message Saved() => Reply(MessageKind.Saved, Address.Job, _save.Version) with { Payload = _saveFile, Text = _saveText };

    private void End(EffectList effects)
    {
        DropGradients(effects);
        _ended = true;
        effects.Add(new Effect { Kind = EffectKind.Ended });
    }

    private void Release(object? payload, EffectList effects)
    {
        if (payload is not null) effects.Add(new Effect { Kind = EffectKind.Release, Payload = payload });
    }

    private Message Reply(MessageKind kind, Address to, long step) =>
        new() { Kind = kind, From = Address, To = to, Job = _plan.Key, Incarnation = _incarnation, Step = step };

    private Message Refusal(in Message message, Verdict verdict) =>
        Reply(MessageKind.Answer, message.From, message.Step) with { Node = message.Node, Lease = message.Lease, Verdict = verdict };
}
