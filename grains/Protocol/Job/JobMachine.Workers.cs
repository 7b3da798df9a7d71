namespace DistTrain.Protocol;

// Who works, on what, until when.
public sealed partial class JobMachine
{
    private LeaseTable _leases;
    private long _leaseNumber;
    private bool _pausing;
    private TimeSpan _workersSince;

    private Message WelcomeMessage(int worker) => To(Address.Worker(worker), MessageKind.Welcome) with { Placement = _record?.Placement };

    private void OnJoin(in Message message)
    {
        if (message.Payload is not WorkerHello hello) return;
        if (Differences(hello.Identity) is { Length: > 0 } differences)
        {
            Report(JobEventKind.WorkerRefused, $"{hello.Name} is refused: {differences}");
            _out.Send(To(message.From, MessageKind.Refused) with { Text = differences });
            return;
        }
        if (_workers.Find(message.From.Number) is null)
        {
            _workers.Add(message.From.Number, hello.Name).Heard = _now;
            Report(JobEventKind.WorkerJoined, $"{hello.Name} joins");
        }
        if (_phase > Phase.Claiming) _out.Send(WelcomeMessage(message.From.Number));
        if (_phase == Phase.Boundary) Boundary();
    }

    private string Differences(PlanIdentity identity)
    {
        var text = "";
        if (identity.Spec != _plan.Identity.Spec) text += $" its spec is {Short(identity.Spec)}, the job's is {Short(_plan.Identity.Spec)};";
        if (identity.Model != _plan.Identity.Model) text += $" its model is {Short(identity.Model)}, the job's is {Short(_plan.Identity.Model)};";
        if (identity.Data != _plan.Identity.Data) text += $" its data is {Short(identity.Data)}, the job's is {Short(_plan.Identity.Data)};";
        return text.Trim(' ', ';');
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;

    private void OnWorkerAlive(in Message message)
    {
        if (_workers.Find(message.From.Number) is not { } worker) _out.Send(To(message.From, MessageKind.Unknown));
        else if (_plan.IsPiped) HearMember(worker, message);
    }

    private void OnRequest(in Message message)
    {
        if (_workers.Find(message.From.Number) is not { } worker)
        {
            _out.Send(To(message.From, MessageKind.Unknown));
            return;
        }
        if (worker.Lease > message.Lease)
        {
            // It has not seen its lease, or this message is older than it.
            _out.Send(worker.Granted);
            return;
        }
        if (_plan.IsPiped) EndMember(worker, message);
        else if (worker.Lease != 0 && worker.Lease == message.Lease && _leases.TryFind(worker.Lease, out var lease))
        {
            if (message.Verdict == Verdict.GivenUp) _leases.TakeBack(lease);
            else _leases.Finish(lease, _now);
        }
        worker.Lease = 0;
        if (!worker.Waiting) (worker.Waiting, worker.WaitingSince) = (true, _now);
        GrantWaiting();
    }

    private void OnLeave(in Message message)
    {
        if (_workers.Find(message.From.Number) is { } worker) LoseWorker(worker, JobEventKind.WorkerLeft, "it was told to");
    }

    private void LoseWorker(WorkerEntry worker, JobEventKind kind, string why)
    {
        Report(kind, $"{worker.Name} {(kind == JobEventKind.WorkerLeft ? "leaves" : "is lost")}: {why}");
        _workers.Remove(worker);
        if (_workers.Count == _plan.MinimumWorkers - 1) _workersSince = _now;
        if (_plan.IsPiped) LoseMember(worker);
        else if (worker.Lease != 0 && _leases.TryFind(worker.Lease, out var lease)) _leases.TakeBack(lease);
        GrantWaiting();
    }

    private void OnFailed(in Message message)
    {
        if (_workers.Find(message.From.Number) is not { } worker || message.Lease != worker.Lease) return;
        var text = message.Text ?? "an unnamed failure";
        var count = _failures.GetValueOrDefault(text) + 1;
        _failures[text] = count;
        Report(JobEventKind.WorkerFailed, $"{worker.Name}, step {_version}: {text} ({count} of {_plan.FailuresBeforeHalt})");
        if (count >= _plan.FailuresBeforeHalt) Fail($"{worker.Name}, step {_version}: {text}");
    }

    private void OnAlarm(in Message message)
    {
        if (message.Incarnation != Incarnation) return;
        Report(JobEventKind.Alarm, message.Text ?? "corruption");
        Fail(message.Text ?? "corruption");
    }

    private void OnAnswer(in Message message)
    {
        // A seat has promised itself to a later incarnation: somebody else may hold the job. The register knows.
        if (message.Verdict == Verdict.StaleIncarnation && message.Incarnation > Incarnation && !_reading && _writing is null) ReadRegister();
    }

    private void GrantWaiting()
    {
        if (_phase != Phase.Stepping) return;
        if (_plan.IsPiped) GrantCrews();
        else
            for (var rank = 0; rank < _workers.Count; rank++)
                if (_workers[rank].Waiting) Grant(_workers[rank], rank);
    }

    private void Grant(WorkerEntry worker, int rank)
    {
        var duplicate = false;
        if (!_leases.TryTake(rank, Waiting, out var range))
        {
            if (!_leases.TrySlowest(worker.Number, Waiting, _now, _plan.Limits, out var slowest, out range)) return;
            duplicate = true;
            Report(JobEventKind.LeaseDuplicated, $"{worker.Name} repeats micro-batches {range} of {NameOf(slowest.Worker)} after {(_now - slowest.Since).TotalSeconds:F1} s");
        }
        var number = (Incarnation << 32) + ++_leaseNumber;
        _leases.Grant(new LeaseEntry(number, worker.Number, range, _now, _now + _plan.Limits.Lease, duplicate));
        (worker.Lease, worker.Waiting) = (number, false);
        worker.Granted = To(Address.Worker(worker.Number), MessageKind.Lease) with { Lease = number, Node = range, Step = _open.Step, Open = _open, Placement = Placed };
        _out.Send(worker.Granted);
    }

    private string NameOf(int worker) => _workers.Find(worker)?.Name ?? $"worker {worker}";

    private int Waiting
    {
        get
        {
            var waiting = 0;
            for (var i = 0; i < _workers.Count; i++)
                if (_workers[i].Waiting) waiting++;
            return waiting;
        }
    }

    private void WatchLeases()
    {
        var leases = _leases.Leases;
        for (var i = leases.Count - 1; i >= 0; i--)
        {
            var lease = leases[i];
            if (_now < lease.Deadline) continue;
            Report(JobEventKind.LeaseExpired, $"micro-batches {lease.Range} of step {_open.Step}, leased by {HolderOf(lease)} for {(_now - lease.Since).TotalSeconds:F1} s, are taken back");
            if (_plan.IsPiped) Dissolve(lease.Number);
            else _leases.TakeBack(lease);
            if (_workers.Find(lease.Worker) is { } worker && worker.Lease == lease.Number) worker.Lease = 0;
        }
        if (Waiting > 0) GrantWaiting();
    }

    private void CloseLeases()
    {
        _leases.Close();
        if (_plan.IsPiped) CloseCrews();
        for (var i = 0; i < _workers.Count; i++) _workers[i].Lease = 0;
    }

    private void Pause()
    {
        _pausing = true;
        CloseLeases();
        Boundary();
    }
}
