using System.Globalization;
using DistTrain.Contracts;

namespace DistTrain.Protocol;

// Nothing waits in silence: every phase lists whom it waits for, and one sentence says it.
public sealed partial class JobMachine
{
    /// <remarks>Made from the state at the moment it is asked for, so it cannot disagree with it and costs a step nothing.</remarks>
    public IReadOnlyList<Wait> Waits
    {
        get
        {
            _waits.Clear();
            var limits = _plan.Limits;
            if (_phase != Phase.Ended && (_writing is not null || _reading)) Add(WaitKind.Register, Address.Host, default, _registerSince, TimeSpan.MaxValue);
            switch (_phase)
            {
                case Phase.Seating: Add(WaitKind.Seats, Address.Host, default, _phaseSince, _phaseSince + limits.Seats); break;
                case Phase.Adopting: AddSlots(WaitKind.Adoption, 2 * limits.Silence); break;
                case Phase.Reviewing or Phase.Searching: Add(WaitKind.Checkpoints, Address.Host, default, _phaseSince, TimeSpan.MaxValue); break;
                case Phase.Restoring: AddSlots(WaitKind.Restore, limits.Checkpoint); break;
                case Phase.Opening: AddSlots(WaitKind.Opening, 2 * limits.Silence); break;
                case Phase.Boundary or Phase.Stepping when _workers.Count < _plan.MinimumWorkers: Add(WaitKind.Workers, Address.Host, default, _workersSince, _workersSince + limits.Workers); break;
                case Phase.Boundary when !_saver.IsBusy && _assigned.Count == 0: Add(WaitKind.SavedFiles, Address.Host, default, _phaseSince, _saveAgainAt + limits.Heartbeat); break;
                case Phase.Stepping: AddStep(); break;
                default: break;
            }
            if (_saver.IsBusy) AddSave();
            return _waits;
        }
    }

    /// <summary>Why nothing has been committed for the last moment, in one sentence; the first wait that matters most.</summary>
    public string Why()
    {
        if (_phase == Phase.Ended) return $"the job has ended: {_endState}{(_endText.Length > 0 ? ", " + _endText : "")}";
        if (_phase == Phase.Unstarted) return "the job has not been started";
        var waits = Waits;
        return waits.Count == 0 ? $"step {_version} is being opened" : Sentence(waits[Foremost(waits)], _now);
    }

    /// <summary>Every wait as people are told of it, the one that holds up the job first.</summary>
    /// <param name="now">On this host's clock.</param>
    public IReadOnlyList<WaitReport> WaitReports(TimeSpan now)
    {
        var waits = Waits;
        var foremost = Foremost(waits);
        var reports = new List<WaitReport>(waits.Count);
        for (var i = 0; i < waits.Count; i++)
        {
            var wait = waits[i];
            var what = wait.Kind == WaitKind.Leases ? $"step {wait.Step}, micro-batches {wait.Node}" : $"{wait.Kind} of step {wait.Step}".ToLowerInvariant();
            var from = wait.From.Role == Role.Worker ? NameOf(wait.From.Number) : wait.From.ToString();
            var report = new WaitReport(wait.Who.ToString(), what, from, Math.Max(0, (now - wait.Since).TotalSeconds), wait.Deadline == TimeSpan.MaxValue ? double.PositiveInfinity : (wait.Deadline - now).TotalSeconds, Sentence(wait, now));
            if (i == foremost) reports.Insert(0, report);
            else reports.Add(report);
        }
        return reports;
    }

    // A step does not wait for a checkpoint in flight, nor for a control, unless it says so itself.
    private int Foremost(IReadOnlyList<Wait> waits)
    {
        for (var i = 0; i < waits.Count; i++)
            if (waits[i].Kind is not (WaitKind.Register or WaitKind.SavedFiles or WaitKind.Manifest) || _phase is Phase.Claiming or Phase.Saving or Phase.Ending) return i;
        return waits.Count - 1;
    }

    private string Sentence(in Wait wait, TimeSpan now)
    {
        var (age, step) = (Seconds(now - wait.Since), $"step {wait.Step}");
        var end = wait.Deadline == TimeSpan.MaxValue ? "" : wait.Kind == WaitKind.Leases ? $"; lease ends in {Seconds(wait.Deadline - now)}" : $"; given up in {Seconds(wait.Deadline - now)}";
        return wait.Kind switch
        {
            WaitKind.Leases when wait.From.Role == Role.Worker && _plan.IsPiped => $"{step} waits for micro-batches {wait.Node} leased by {CrewOf(wait.From.Number)} ({age}, usual {Seconds(_leases.Usual * wait.Node.Count)}): {Doing(wait.From.Number)}{end}",
            WaitKind.Leases when _plan.IsPiped => $"{step} waits for a crew of {_plan.Stages.Length} workers to take micro-batches {wait.Node} ({age}): {Waiting} of {_workers.Count} workers wait for the others",
            WaitKind.Leases when wait.From.Role == Role.Worker => $"{step} waits for micro-batches {wait.Node} leased by {NameOf(wait.From.Number)} ({age}, usual {Seconds(_leases.Usual * wait.Node.Count)}){end}",
            WaitKind.Leases => $"{step} waits for a worker to take micro-batches {wait.Node} ({age})",
            WaitKind.Reduction => $"{step} waits for {wait.From} to say that its gradient is complete ({age}){end}",
            WaitKind.Opening => $"{step} waits for {wait.From} to open it ({age}){end}",
            WaitKind.Register => $"{step} waits for the register to {(_writing is null ? "answer" : _phase == Phase.Claiming ? $"record incarnation {_writing.Incarnation}" : _assigned.Count > 0 ? $"record {_assigned[0].Kind}" : "record a change")} ({age})",
            WaitKind.Seats => $"{step} waits for hosts: {_plan.Shards.Length} shards, {_seats.Count} seats ({age}){end}",
            WaitKind.Adoption => $"{step} waits for {wait.From} to join incarnation {Incarnation} ({age}){end}",
            WaitKind.Checkpoints => $"{step} waits for the checkpoint store to {(_phase == Phase.Searching && !_listed ? "list its checkpoints" : $"verify {_restore.Name}")} ({age})",
            WaitKind.Restore => $"{step} waits for {wait.From} to load {_restore.Name} ({age}){end}",
            WaitKind.Workers => $"{step} waits for workers: {_workers.Count} of at least {_plan.MinimumWorkers} ({age}); paused in {Seconds(wait.Deadline - now)}",
            WaitKind.SavedFiles when !_saver.IsBusy => $"{step} waits to try its last checkpoint again ({age})",
            WaitKind.SavedFiles => $"checkpoint {_saver.Name} waits for the file of {wait.From} ({age}){end}",
            WaitKind.Manifest => $"checkpoint {_saver.Name} waits for its manifest ({age}){end}",
            _ => $"{step} waits for {wait.From} ({age}){end}",
        };
    }

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, time.TotalSeconds):F1} s");

    private void AddSlots(WaitKind kind, TimeSpan patience)
    {
        for (var slot = 0; slot < _slots.Length; slot++)
            if (IsPlaced(slot) && !_slots[slot].Answered) Add(kind, SeatOf(slot), default, _phaseSince, _phaseSince + patience);
    }

    private void AddStep()
    {
        foreach (var lease in _leases.Leases)
            Add(WaitKind.Leases, Address.Worker(_plan.IsPiped ? SlowestMember(lease) : lease.Worker), lease.Range, lease.Since, lease.Deadline);
        if (_leases.FirstFree() is { Count: > 0 } free) Add(WaitKind.Leases, Address.Host, free, _phaseSince, TimeSpan.MaxValue);
        if (_open.Kind != StepKind.Train || !_leases.AllDone) return;
        for (var s = 0; s < _reduced.Length; s++)
            if (!_reduced[s]) Add(WaitKind.Reduction, SeatOf(2 * s), default, _phaseSince, TimeSpan.MaxValue);
    }

    private void AddSave()
    {
        if (_saver.Stage != SaveStage.Files) Add(WaitKind.Manifest, Address.Host, default, _saver.Since, _saver.Deadline);
        else
            for (var s = 0; s < _plan.Shards.Length; s++)
                if (!_saver.IsSaved(s)) Add(WaitKind.SavedFiles, SeatOf(2 * s), default, _saver.Since, _saver.Deadline);
    }

    private void Add(WaitKind kind, Address from, TreeNode node, TimeSpan since, TimeSpan deadline) =>
        _waits.Add(new Wait(Address, kind, from, _version, node, since, deadline));
}
