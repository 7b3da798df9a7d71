using System.Collections.Immutable;

namespace DistTrain.Protocol;

// From a placement to a state that every shard shares: adopt, compare, and where that fails restore.
public sealed partial class JobMachine
{
    // What one placed seat has answered in the present phase; 2s is shard s's primary, 2s + 1 its replica.
    private struct Slot
    {
        internal bool Answered;
        internal bool HasRoot;
        internal long Version;
        internal long Touched;
        internal IReadOnlyList<LogEntry>? Log;
    }

    private readonly Slot[] _slots;
    private readonly List<CheckpointName> _candidates = [];
    private readonly List<SkippedCheckpoint> _skipped = [];
    private readonly HashSet<int> _taken = [];
    private RestoreFrom _restore = new(CheckpointName.Initial, null);
    private bool _listed;

    // Where the job stands, once it is known.
    private bool _known;
    private long _version;
    private long _updates;
    private LogDigest _log;
    private long _entries;
    private EvaluationRecord _lastEvaluation = new(-1, default);
    private EvaluationTrend _trend = EvaluationTrend.None;
    private Decision _last = Decision.None;
    private long _mostCommitted;

    // Records since the checkpoint _base.
    private readonly List<LogEntry> _records = [];
    private CheckpointName _base;

    private Placement Placed => _record!.Placement;

    private Address SeatOf(int slot) => Address.Seat(slot % 2 == 0 ? Placed.Shards[slot / 2].Primary : Placed.Shards[slot / 2].Replica);

    private bool IsPlaced(int slot) => slot % 2 == 0 || Placed.Shards[slot / 2].HasReplica;

    private int SlotOf(Address seat)
    {
        if (_record is null || Placed.Shards.IsEmpty) return -1;
        for (var slot = 0; slot < _slots.Length; slot++)
            if (IsPlaced(slot) && SeatOf(slot) == seat) return slot;
        return -1;
    }

    /// <summary>Keeps what lives, promotes replicas of lost primaries, fills the rest from free seats. Null: wait for seats.</summary>
    private Placement? NextPlacement()
    {
        var before = _record!.Placement;
        var shards = ImmutableArray.CreateBuilder<ShardSeats>(_plan.Shards.Length);
        _taken.Clear();
        foreach (var seats in before.Shards)
        {
            if (Lives(seats.Primary)) _taken.Add(seats.Primary);
            if (seats.HasReplica && Lives(seats.Replica)) _taken.Add(seats.Replica);
        }
        for (var s = 0; s < _plan.Shards.Length; s++)
        {
            var old = s < before.Shards.Length ? before.Shards[s] : new ShardSeats(ShardSeats.None, ShardSeats.None);
            var (primary, replica) = (Lives(old.Primary) ? old.Primary : ShardSeats.None, old.HasReplica && Lives(old.Replica) ? old.Replica : ShardSeats.None);
            if (primary == ShardSeats.None) (primary, replica) = (replica, ShardSeats.None);
            if (primary == ShardSeats.None) primary = Take(ShardSeats.None);
            if (primary == ShardSeats.None) return null;
            shards.Add(new ShardSeats(primary, replica));
        }
        if (_plan.Replicated)
        {
            for (var s = 0; s < shards.Count; s++)
                if (!shards[s].HasReplica) shards[s] = shards[s] with { Replica = Take(shards[s].Primary) };
            // At the very beginning replicas are worth a short wait: a later one costs an incarnation.
            var young = before.Shards.Length == 0 && _now - _phaseSince < _plan.Limits.Silence;
            if (young && shards.Any(static s => !s.HasReplica)) return null;
        }
        return new Placement(shards.ToImmutable());
    }

    private bool Lives(int seat) => seat != ShardSeats.None && _seats.Find(seat) is { } entry && entry.GivenUp == TimeSpan.MinValue;

    private int Take(int apartFrom)
    {
        var seat = _seats.Free(Placement.Empty, _taken, apartFrom, _now, _plan.Limits.Silence);
        if (seat != ShardSeats.None)
        {
            _taken.Add(seat);
            _seats.Find(seat)!.GivenUp = TimeSpan.MinValue;
        }
        return seat;
    }

    private void Hear(in Message message)
    {
        if (message.Kind == MessageKind.Lost) return;
        if (message.From.Role == Role.Seat)
        {
            var seat = _seats.Hear(message.From.Number, _now);
            if (message.Kind == MessageKind.SeatAlive) seat.Host = message.Digest;
        }
        else if (message.From.Role == Role.Worker && _workers.Find(message.From.Number) is { } worker) worker.Heard = _now;
    }

    private void OnSeatAlive()
    {
        if (_phase == Phase.Seating) TrySeat();
    }

    private void OnLost(in Message message)
    {
        if (message.From.Role == Role.Worker)
        {
            if (_workers.Find(message.From.Number) is { } worker) LoseWorker(worker, JobEventKind.WorkerLost, "its connection is closed");
        }
        else if (message.From.Role == Role.Seat)
        {
            _seats.Remove(message.From.Number);
            SeatIsGone(message.From.Number, "its connection is closed");
        }
    }

    private void ClearAnswers()
    {
        for (var slot = 0; slot < _slots.Length; slot++) _slots[slot].Answered = false;
    }

    private bool AllAnswered()
    {
        for (var slot = 0; slot < _slots.Length; slot++)
            if (IsPlaced(slot) && !_slots[slot].Answered) return false;
        return true;
    }

    private delegate Message MessageTo(Address seat);

    private void SendToUnanswered(MessageTo message)
    {
        for (var slot = 0; slot < _slots.Length; slot++)
            if (IsPlaced(slot) && !_slots[slot].Answered) _out.Send(message(SeatOf(slot)));
    }

    private Message AdoptMessage(Address seat) => To(seat, MessageKind.Adopt) with { Placement = Placed, Payload = _record!.Branches };

    private Message RestoreMessage(Address seat) => To(seat, MessageKind.Restore) with { Payload = _restore };

    private void Adopt()
    {
        Enter(Phase.Adopting);
        ClearAnswers();
        SendToUnanswered(AdoptMessage);
        for (var i = 0; i < _workers.Count; i++) _out.Send(WelcomeMessage(_workers[i].Number));
    }

    private void OnAdopted(in Message message)
    {
        var slot = SlotOf(message.From);
        if (slot < 0 || message.Incarnation != Incarnation) return;
        if (_phase != Phase.Adopting) return;
        _slots[slot] = new Slot { Answered = true, Version = message.Step, HasRoot = message.Flag, Touched = message.Lease, Log = message.Payload as IReadOnlyList<LogEntry> };
        if (AllAnswered()) Compare();
    }

    private void OnBehind(in Message message)
    {
        var slot = SlotOf(message.From);
        if (slot >= 0 && _phase == Phase.Opening && message.Incarnation == Incarnation && message.Lease == _open.Step) Search($"shard {slot / 2} stands at step {message.Step}");
    }

    /// <summary>Whether the primaries' states are one state of this job's past; if not, restore.</summary>
    private void Compare()
    {
        var newest = -1L;
        for (var slot = 0; slot < _slots.Length; slot += 2)
        {
            if (_slots[slot].Version < 0)
            {
                Search($"shard {slot / 2} has no state of this past");
                return;
            }
            newest = Math.Max(newest, _slots[slot].Version);
        }
        if (_known) Continue(newest);
        else if (_record!.Checkpoint != CheckpointName.Initial && !Branch.Admit(_record.Branches, _record.Checkpoint.Version, _record.Checkpoint.Incarnation)) Search($"checkpoint {_record.Checkpoint} is not of this past");
        else if (_record.Checkpoint == CheckpointName.Initial) Rebuild(JobPosition.Initial, CheckpointName.Initial);
        else
        {
            Enter(Phase.Reviewing);
            _restore = new RestoreFrom(_record.Checkpoint, null);
            AskStore();
        }
    }

    /// <summary>A new scheduler learns from a shard's records what has been committed since the checkpoint.</summary>
    private void Rebuild(JobPosition position, CheckpointName name)
    {
        // A replica may have heard of a decision that no primary has heard of.
        var best = 0;
        for (var slot = 1; slot < _slots.Length; slot++)
            if (IsPlaced(slot) && _slots[slot].Version > _slots[best].Version && _slots[slot].Touched >= _slots[slot & ~1].Touched) best = slot;
        Stand(position, name);
        foreach (var entry in _slots[best].Log ?? [])
        {
            if (entry.IsEvaluation ? entry.Evaluation.Step <= name.Version : entry.Step.Step < name.Version) continue;
            if (!entry.IsEvaluation && entry.Step.Step != _version) break;
            Append(entry);
        }
        Recall();
        Continue(_slots[best].Version);
    }

    private void Stand(JobPosition position, CheckpointName name)
    {
        (_known, _version, _updates, _log, _entries, _lastEvaluation) = (true, position.Version, position.Updates, position.Log, position.Entries, position.LastEvaluation);
        (_base, _last, _trend) = (name, Decision.None, position.Trend);
        _records.Clear();
    }

    private void Recall() => _out.Add(new Effect { Kind = EffectKind.Recalled, Payload = new RecalledLog(_base, [.. _records]), Message = To(Address.Host, MessageKind.None) with { Step = _version } });

    private void Append(in LogEntry entry)
    {
        _records.Add(entry);
        _log = entry.AddTo(_log);
        _entries++;
        if (entry.IsEvaluation) (_lastEvaluation, _trend) = (entry.Evaluation, _rule.Follow(_trend, entry.Evaluation));
        else
        {
            _version = entry.Step.Step + 1;
            _last = new Decision(entry.Step);
            if (!entry.Step.Skipped) _updates++;
        }
    }

    /// <summary>Every primary must stand at the last decision, or hold the root gradient that it was about.</summary>
    private void Continue(long newest)
    {
        if (newest > _version)
        {
            _known = false;
            Search($"a shard stands at step {newest}, the records end at {_version}");
            return;
        }
        for (var slot = 0; slot < _slots.Length; slot += 2)
        {
            var behind = _slots[slot].Version == _version - 1 && _slots[slot].HasRoot && _last.Step == _version - 1;
            if (_slots[slot].Version == _version || behind) continue;
            Search($"shard {slot / 2} stands at step {_slots[slot].Version}, the job at {_version}");
            return;
        }
        Boundary();
    }

    private void Search(string why)
    {
        _restoreReason = why;
        _listed = false;
        _candidates.Clear();
        _skipped.Clear();
        Enter(Phase.Searching);
        AskStore();
    }

    private string _restoreReason = "";

    // The first state of a job that begins is no news.
    private bool _anew;

    private void AskStore()
    {
        if (_phase == Phase.Searching && !_listed) _out.Add(new Effect { Kind = EffectKind.ListCheckpoints, Message = To(Address.Host, MessageKind.None) });
        else _out.Add(new Effect { Kind = EffectKind.VerifyCheckpoint, Payload = _restore, Message = To(Address.Host, MessageKind.None) with { Step = _restore.Name.Version, Lease = _restore.Name.Incarnation } });
    }

    private void OnCheckpointsListed(in Message message)
    {
        if (_phase != Phase.Searching || _listed || message.Payload is not IReadOnlyList<CheckpointName> names) return;
        _listed = true;
        foreach (var name in names)
            if (Branch.Admit(_record!.Branches, name.Version, name.Incarnation)) _candidates.Add(name);
        _candidates.Sort(static (a, b) => b.CompareTo(a));
        NextCandidate();
    }

    private void NextCandidate()
    {
        if (_candidates.Count == 0)
        {
            _restore = new RestoreFrom(CheckpointName.Initial, null);
            Restore();
            return;
        }
        _restore = new RestoreFrom(_candidates[0], null);
        _candidates.RemoveAt(0);
        Enter(Phase.Searching);
        AskStore();
    }

    private void OnCheckpointVerified(in Message message)
    {
        var manifest = message.Payload as CheckpointManifest;
        if (_phase is not (Phase.Searching or Phase.Reviewing) || message.Step != _restore.Name.Version || message.Lease != _restore.Name.Incarnation) return;
        if (_phase == Phase.Reviewing)
        {
            if (manifest is null) Search($"checkpoint {_restore.Name} does not verify: {message.Text}");
            else Rebuild(manifest.Position, manifest.Name);
        }
        else if (!_listed) return;
        else if (manifest is null) Skip(message.Text ?? "it does not verify");
        else
        {
            _restore = new RestoreFrom(manifest.Name, manifest);
            Restore();
        }
    }

    private void Skip(string why)
    {
        _skipped.Add(new SkippedCheckpoint(_restore.Name, why));
        NextCandidate();
    }

    private void Restore()
    {
        Enter(Phase.Restoring);
        ClearAnswers();
        SendToUnanswered(RestoreMessage);
    }

    private void OnRestored(in Message message)
    {
        var slot = SlotOf(message.From);
        if (_phase != Phase.Restoring || slot < 0 || message.Incarnation != Incarnation) return;
        if (new CheckpointName(message.Step, message.Lease) != _restore.Name) return;
        if (!message.Flag)
        {
            if (_restore.Manifest is null) Fail($"{message.From} cannot make the initial state: {message.Text}");
            else Skip(message.Text ?? $"{message.From} could not load it");
            return;
        }
        _slots[slot].Answered = true;
        if (!AllAnswered()) return;
        var (lost, known) = (_version, _known);
        Stand(_restore.Manifest?.Position ?? JobPosition.Initial, _restore.Name);
        Recall();
        if (_anew) _anew = false;
        else
        {
            // Who takes a job up has nothing to lose; whoever was at it says why it went back, and how far.
            var what = known ? $"restored {_restore.Name} because {_restoreReason}" : _restore.Manifest is null ? "restored nothing, as there is no checkpoint: the job begins at step 0" : $"restored checkpoint {_restore.Name}";
            Report(JobEventKind.Restored, what + (lost > _version ? $"; steps {_version}-{lost - 1} are recomputed" : "") + string.Concat(_skipped.Select(static s => $"; skipped {s.Name}: {s.Why}")));
        }
        Boundary();
    }
}
