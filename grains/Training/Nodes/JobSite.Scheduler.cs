using System.Collections.Concurrent;
using DistTrain.Contracts;
using DistTrain.Protocol;

namespace DistTrain.Training;

// The job's scheduler, where it is here, and what the others are told of each other.
internal sealed partial class JobSite
{
    // After its end a scheduler answers those who have not heard of it.
    private static readonly TimeSpan _linger = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, (MemberReport Report, TimeSpan At)> _reports = new();
    private readonly ConcurrentDictionary<string, NodeAddress> _invited = new();
    private int _warningsTold;
    private int _held;

    /// <summary>The scheduler of this node; null where it is elsewhere.</summary>
    public HostedJob? Hosted { get; private set; }

    /// <summary>Reports of the other nodes.</summary>
    public IEnumerable<(string Node, MemberReport Report, TimeSpan At)> Reports => _reports.Select(pair => (pair.Key, pair.Value.Report, pair.Value.At));

    public HostedJob StartJob(IJobRegister register, bool resume, IReadOnlyList<NodeAddress> nodes, RunFeed? feed, IReadOnlyCollection<int> lost)
    {
        lock (_changing)
        {
            ObjectDisposedException.ThrowIf(IsOver, this);
            if (Hosted is not null && !Hosted.Outcome.IsCompleted) throw new InvalidOperationException($"the scheduler of job {Id} runs on node {_node.Address} already.");
            foreach (var host in Machines.Hosts)
                if (host is NodeJobHost) Machines.Remove(host);
            _registering ??= new BackgroundWork($"register of {Id}", Machines);
            (_register, _feed) = (new RegisterAccess(register, _registering), feed ?? new RunFeed());
            Machines.TellWarnings(_feed);
            var job = new NodeJobHost(new JobMachine(Plan, new StepRule(Job.Job)), Machines, _store, _register, _log, _feed, JobEnded, Announce) { Layers = LayerFigures.Of(Job.Job), Watch = VerdictWatch.Of(Job.Job) };
            Hosted = new HostedJob(this, job, _store, _log, _feed, _files, _node.Time);
            _places[Address.Job] = _node.Address;
            job.Post(FromHost(MessageKind.Start, Address.Job) with { Payload = new JobStart(BitConverter.ToUInt64(Guid.NewGuid().ToByteArray()), resume) { Lost = [.. lost, .. _lost.Keys.Where(a => a.Role == Role.Seat).Select(a => a.Number)] } });
            if (Job.Options.StopAfterSteps > 0) job.Post(job.StopRequest(Job.Options.StopAfterSteps));
            Machines.Add(job);
        }
        Invite(nodes);
        Machines.Wake();
        return Hosted;
    }

    /// <summary>Tells these nodes where the scheduler is, now and every half second.</summary>
    public void Invite(IReadOnlyList<NodeAddress> nodes)
    {
        foreach (var node in nodes)
            if (node.Name != _node.Address.Name) _invited[node.Name] = node;
        Announce();
    }

    /// <summary>Called twice a second: the scheduler says where it is, members what they do.</summary>
    public void Beat()
    {
        if (IsOver) return;
        if (Hosted is { } hosted && !hosted.IsSuperseded) Announce();
        else if (_places.TryGetValue(Address.Job, out var scheduler) && scheduler.Name != _node.Address.Name)
            _node.Send(scheduler, new ControlMessage { Job = Id, From = _node.Address, Seats = OwnSeats(), Report = OwnReport() with { Warnings = NewWarnings() } });
    }

    /// <summary>Whether nothing of the job is here any more.</summary>
    public bool IsEmpty => Volatile.Read(ref _held) == 0 && (Machines.Hosts.Count == 0 || (Hosted is { } hosted && hosted.EndedFor >= _linger && Machines.Hosts.All(h => h is NodeJobHost)));

    /// <summary>Something is about to be started here: it is not empty until that is done.</summary>
    public void Hold() => Interlocked.Increment(ref _held);

    public void Release() => Interlocked.Decrement(ref _held);

    /// <summary>Numbers of what runs here now.</summary>
    public (int[] Workers, int[] Seats) Members =>
        ([.. Machines.Hosts.OfType<WorkerHost>().Where(w => !w.Dead && !w.Ended).Select(w => w.Number)], [.. Machines.Hosts.OfType<NodeSeatHost>().Select(s => s.Machine.Address.Number)]);

    /// <summary>What this node's machines do now.</summary>
    public MemberReport OwnReport()
    {
        var (workers, seats, waits) = (new List<WorkerReport>(), new List<SeatReport>(), new List<WaitReport>());
        foreach (var host in Machines.Hosts)
        {
            host.TryLook(() =>
            {
                if (host is WorkerHost worker) workers.Add(WorkerReportOf(worker));
                else if (host is NodeSeatHost seat) seats.Add(new SeatReport(seat.Machine.Address.Number, seat.Seat.Shard, seat.Seat.IsPrimary, seat.Seat.Version, seat.OwnMemory.Elements));
                if (host is not NodeJobHost)
                    foreach (var wait in host.Machine.Waits) waits.Add(WaitText.Of(wait, Machines.Now, _node.Address.Name));
            });
        }
        return new MemberReport(workers, seats, waits, []);
    }

    private void Take(NodeAddress node, MemberReport report)
    {
        _reports[node.Name] = (report, Machines.Now);
        if (Hosted is null) return;
        foreach (var warning in report.Warnings) Machines.Warn($"{node}: {warning}");
    }

    private string[] NewWarnings()
    {
        var all = Machines.Warnings;
        var last = Interlocked.Exchange(ref _warningsTold, all.Count);
        return [.. all.Skip(last)];
    }

    private WorkerReport WorkerReportOf(WorkerHost worker)
    {
        WorkerThread? thread;
        lock (_changing) thread = _threads.Find(t => t.Number == worker.Number);
        var times = thread?.Times ?? default;
        var link = _places.TryGetValue(Address.Job, out var scheduler) ? _node.Lane.BytesOf(scheduler.Name) : default;
        return new WorkerReport
        {
            Number = worker.Number, Name = thread?.Name ?? $"worker {worker.Number}", Node = _node.Address.Name, Device = Job.Options.Device,
            State = worker.Worker.Lease != 0 ? "working" : "waiting", Lease = worker.Worker.LeaseText, MicroBatches = times.MicroBatches,
            ComputeSeconds = times.Compute, PullSeconds = worker.PullSeconds, PushSeconds = worker.PushSeconds, ServeSeconds = times.Serve,
            WaitSeconds = Math.Max(0, times.Wait - worker.PullSeconds - worker.PushSeconds), BytesSent = link.Sent, BytesReceived = link.Received,
        };
    }

    private void Announce()
    {
        if (Hosted is not { } hosted || IsOver) return;
        var message = new Message { From = Address.Job, Job = Plan.Key, Incarnation = hosted.Incarnation };
        var announcement = new ControlMessage { Job = Id, From = _node.Address, Message = message };
        var told = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in _invited.Values.Concat(_places.Values))
            if (node.Name != _node.Address.Name && told.Add(node.Name)) _node.Send(node, announcement);
    }

    private void JobEnded(JobHost job)
    {
        // Whoever holds the job now is asked through its own node.
        if (job.State == JobState.Superseded)
        {
            Machines.Remove(job);
            if (_places.TryGetValue(Address.Job, out var here) && here.Name == _node.Address.Name) _places.TryRemove(Address.Job, out _);
        }
        Hosted!.Ended(job);
    }
}
