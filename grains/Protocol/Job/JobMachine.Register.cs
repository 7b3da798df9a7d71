using System.Collections.Immutable;

namespace DistTrain.Protocol;

// What is durable: one record, one write in flight, every change that is wanted goes into the next write.
public sealed partial class JobMachine
{
    private RegisterRecord? _record;
    private RegisterRecord? _writing;
    private bool _reading;
    private TimeSpan _registerSince;
    private TimeSpan _registerResendAt = TimeSpan.MaxValue;

    private Placement? _claim;
    private string _claimReason = "";
    private Branch? _claimBranch;
    private Control? _claimControl;

    // Where the rollback goes: a pointer that was being written when it was decided does not count.
    private CheckpointName _claimCheckpoint;

    private readonly List<Message> _controls = [];
    private readonly List<Control> _assigned = [];

    private void ReadRegister()
    {
        (_reading, _registerSince, _registerResendAt) = (true, _now, _now + _plan.Limits.Resend);
        _out.Add(new Effect { Kind = EffectKind.ReadRegister, Message = To(Address.Host, MessageKind.None) });
    }

    private void ResendRegister()
    {
        _registerResendAt = _writing is null && !_reading ? TimeSpan.MaxValue : _now + _plan.Limits.Resend;
        if (_writing is not null) SendWrite();
        else if (_reading) _out.Add(new Effect { Kind = EffectKind.ReadRegister, Message = To(Address.Host, MessageKind.None) });
    }

    private void SendWrite() => _out.Add(new Effect
    {
        Kind = EffectKind.WriteRegister,
        Payload = _writing,
        Message = To(Address.Host, MessageKind.None) with { Step = _writing!.Revision - 1 },
    });

    private void OnRegisterRead(in Message message)
    {
        if (!_reading || _writing is not null) return;
        _reading = false;
        _registerResendAt = TimeSpan.MaxValue;
        var found = message.Payload as RegisterRecord;
        if (_phase == Phase.Reading)
        {
            TakeOver(found);
            return;
        }
        if (found is not null && found.Holder != _instance && found.Revision >= (_record?.Revision ?? 0)) Supersede(found);
        else AssignControls();
    }

    /// <summary>The first read of a scheduler's life: continue what is recorded, or begin anew.</summary>
    private void TakeOver(RegisterRecord? found)
    {
        if (found is not null && _resume)
        {
            // What had ended has no seats any more.
            if (found.State != JobState.Running) found = found with { Placement = Placement.Empty };
            foreach (var shard in found.Placement.Shards)
            {
                if (!_knownLost.Contains(shard.Primary)) _seats.Hear(shard.Primary, _now);
                if (shard.HasReplica && !_knownLost.Contains(shard.Replica)) _seats.Hear(shard.Replica, _now);
            }
            _record = found;
        }
        else
        {
            _record = new RegisterRecord { Revision = found?.Revision ?? -1, Incarnation = found?.Incarnation ?? 0 };
            if (!_resume) _claimBranch = new Branch(_record.Incarnation + 1, -1);
        }
        _anew = found is null || !_resume;
        RaiseIncarnation(found is null ? "the job begins" : "the job has a new scheduler");
    }

    /// <summary>A new fence with a new placement. Everything in flight of the current incarnation is void.</summary>
    private void RaiseIncarnation(string reason)
    {
        if (_phase is Phase.Ending or Phase.Ended) return;
        _claimReason = reason;
        CloseLeases();
        if (_saver.IsBusy) Report(JobEventKind.CheckpointAbandoned, $"checkpoint {_saver.Name} is given up: {reason}");
        _saver.Stop();
        _claim = null;
        if (_phase != Phase.Seating) Enter(Phase.Seating);
        TrySeat();
    }

    private void TrySeat()
    {
        if (_phase != Phase.Seating || _writing is not null) return;
        if (NextPlacement() is not { } placement) return;
        _claim = placement;
        Enter(Phase.Claiming);
        WriteIfNeeded();
    }

    private void WriteIfNeeded()
    {
        if (_writing is not null || _record is null) return;
        var next = _record;
        if (_phase == Phase.Claiming && _claim is not null)
        {
            next = next with { Incarnation = next.Incarnation + 1, Holder = _instance, Placement = _claim, State = JobState.Running, Reason = "" };
            if (_claimBranch is { } branch) next = next with { Branches = next.Branches.Add(branch with { Incarnation = next.Incarnation }), Checkpoint = _claimCheckpoint };
            if (_claimControl is { } scale) next = next with { Controls = next.Controls.Add(scale), Rollbacks = next.Rollbacks + 1 };
        }
        if (_assigned.Count > 0) next = next with { Controls = next.Controls.AddRange(_assigned), Branches = next.Branches.AddRange(_assigned.Where(static c => c.Kind != ControlKind.Stop).Select(c => new Branch(next.Incarnation, c.Step))) };
        if (_saver.Stage == SaveStage.Pointing) next = next with { Checkpoint = _saver.Name };
        if (_phase == Phase.Ending)
            next = next with { State = _endState, Reason = _endText, Controls = next.Controls.RemoveAll(static c => c.Kind == ControlKind.Stop) };
        if (ReferenceEquals(next, _record)) return;
        _writing = next with { Revision = _record.Revision + 1 };
        (_reading, _registerSince, _registerResendAt) = (false, _now, _now + _plan.Limits.Resend);
        SendWrite();
    }

    private void OnRegisterWritten(in Message message)
    {
        if (_writing is null || message.Payload is not RegisterRecord current || current.Revision < _writing.Revision) return;
        if (current.Holder != _instance)
        {
            // The scheduler whose place this one takes had a last write under way: that is taken over too. Any other is a rival that came first.
            if (_resume && _record!.Holder == current.Holder)
            {
                (_writing, _registerResendAt) = (null, TimeSpan.MaxValue);
                TakeOver(current);
            }
            else Supersede(current);
            return;
        }
        if (current.Revision != _writing.Revision) return;
        var (before, written) = (_record!, _writing);
        (_record, _writing, _registerResendAt) = (written, null, TimeSpan.MaxValue);
        ConfirmControls(written);
        if (_saver.Stage == SaveStage.Pointing && written.Checkpoint == _saver.Name) SaveIsPublished();
        if (_phase == Phase.Ending && written.State == _endState) Finish();
        else if (written.Incarnation > before.Incarnation) Claimed(before.Placement);
        if (_phase == Phase.Seating) TrySeat();
        else WriteIfNeeded();
        if (_phase == Phase.Boundary) Boundary();
    }

    private void Claimed(Placement before)
    {
        (_claim, _claimBranch, _claimControl) = (null, null, null);
        Report(JobEventKind.IncarnationRaised, $"incarnation {_record!.Incarnation}, because {_claimReason}: {_record.Placement}");
        for (var s = 0; s < before.Shards.Length; s++)
            if (before.Shards[s].HasReplica && before.Shards[s].Replica == Placed.Shards[s].Primary) Report(JobEventKind.ShardPromoted, $"seat {Placed.Shards[s].Primary}, the replica of shard {s}, is its primary now");
        if (_phase == Phase.Claiming) Adopt();
    }

    // A control is a branch: an earlier incarnation may have left states beyond its step, computed without it, in checkpoints that a restore passed over.

    // Controls: first a read, so that a register that is down delays only the control; then the step is chosen and no such step is opened until the write is confirmed.

    private void OnControl(in Message message)
    {
        if (message.Payload is not Control control) return;
        foreach (var done in _record?.Controls ?? [])
        {
            if (done.Id != control.Id) continue;
            _out.Send(To(message.From, MessageKind.ControlAnswer) with { Payload = done });
            return;
        }
        if (control.Kind == ControlKind.ScaleLearningRate || (control.Kind == ControlKind.SetClipNorm && !(control.Value >= 0 && double.IsFinite(control.Value))) || (control.Kind == ControlKind.SetLearningRate && !double.IsNaN(control.Value) && !(control.Value >= 0 && double.IsFinite(control.Value))))
        {
            _out.Send(To(message.From, MessageKind.ControlAnswer) with { Text = $"{control.Kind} cannot be {control.Value}. It must be finite and 0 or more." });
            return;
        }
        foreach (var waiting in _controls)
            if (((Control)waiting.Payload!).Id == control.Id) return;
        _controls.Add(message);
        if (!_reading && _writing is null && _phase != Phase.Reading) ReadRegister();
    }

    private void AssignControls()
    {
        if (_controls.Count == 0 || _assigned.Count > 0 || _writing is not null) return;
        if (_phase is not (Phase.Boundary or Phase.Opening or Phase.Stepping or Phase.Saving)) return;
        var next = _phase != Phase.Boundary && _open.Kind == StepKind.Train ? _version + 1 : _version;
        foreach (var message in _controls)
        {
            var control = (Control)message.Payload!;
            _assigned.Add(control with { Step = Math.Max(control.Step, next) });
        }
        WriteIfNeeded();
    }

    private void ConfirmControls(RegisterRecord written)
    {
        for (var i = _controls.Count - 1; i >= 0; i--)
        {
            var control = (Control)_controls[i].Payload!;
            foreach (var done in written.Controls)
            {
                if (done.Id != control.Id) continue;
                Report(JobEventKind.ControlApplied, done.Kind == ControlKind.Stop ? $"stopping once {done.Step} steps are done" : $"{done.Kind} {done.Value} from step {done.Step}");
                _out.Send(To(_controls[i].From, MessageKind.ControlAnswer) with { Payload = done });
                _controls.RemoveAt(i);
                _assigned.RemoveAll(c => c.Id == done.Id);
                break;
            }
        }
        if (_controls.Count > 0 && !_reading) ReadRegister();
    }

    private double LearningRateOf(long step)
    {
        var (rate, scale) = (double.NaN, 1.0);
        foreach (var control in _record!.Controls)
        {
            if (control.Step > step) continue;
            if (control.Kind == ControlKind.SetLearningRate) (rate, scale) = (control.Value, 1.0);
            else if (control.Kind == ControlKind.ScaleLearningRate) scale *= control.Value;
        }
        return (double.IsNaN(rate) ? _rule.LearningRate(step, _trend) : rate) * scale;
    }

    private double ClipNormOf(long step)
    {
        var clip = _plan.ClipNorm;
        foreach (var control in _record!.Controls)
            if (control.Kind == ControlKind.SetClipNorm && control.Step <= step) clip = control.Value;
        return clip;
    }

    private bool StopsAt(long step)
    {
        foreach (var control in _record!.Controls)
            if (control.Kind == ControlKind.Stop && control.Step <= step) return true;
        return false;
    }
}
