using System.Collections.Concurrent;
using System.Collections.Immutable;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// What one node has of one job: its scheduler, seats and workers, whichever the host started here, with the thread that runs them, and what is known of where the others are.
/// </summary>
internal sealed partial class JobSite : IOutside, IDisposable
{
    // A computation that hangs is left behind with all it may still touch.
    private static readonly TimeSpan _joinLimit = TimeSpan.FromSeconds(10);

    private readonly INodeServices _node;
    private readonly IReadOnlyList<ShardRange> _ranges;
    private readonly HashSet<(bool State, long Elements)> _lengths;
    private readonly VectorPool _vectors;
    private readonly GradientPool _gradients;
    private readonly StagePools? _stages;
    private readonly CpuDevice _device;
    private readonly BackgroundWork _files;
    private readonly StateStore _store;
    private readonly LossLog _log = new();
    private readonly Thread _attendant;
    private readonly Lock _changing = new();
    private readonly List<WorkerThread> _threads = [];
    private readonly ConcurrentDictionary<Address, NodeAddress> _places = new();
    private readonly ConcurrentDictionary<Address, NodeAddress> _lost = new();
    private RegisterAccess? _register;
    private BackgroundWork? _registering;
    private RunFeed? _feed;
    private long _jobIncarnation;
    private int _over;

    public JobSite(ClusterJob job, INodeServices node)
    {
        (Job, _node) = (job, node);
        var pipeline = PipelinePlan.Of(job.Job, job.Options.Shards, job.Options.Pipeline);
        _ranges = pipeline.Shards;
        Plan = job.Plan(_ranges) with { Stages = pipeline.Stages };
        var states = 1 + job.Job.Optimizer.StateCount;
        _lengths = [.. _ranges.SelectMany(r => new[] { (false, (long)r.Length), (true, (long)r.Length * states) })];
        MaxPayloadBytes = (int)Math.Min(int.MaxValue, _ranges.Max(r => (long)r.Length) * states * sizeof(float) + (long)MaxLogEntries * TensorHead.EntryElements * sizeof(float));
        if (Plan.IsPiped) MaxPayloadBytes = (int)Math.Min(int.MaxValue, Math.Max(MaxPayloadBytes, LongestActivation(pipeline)));
        Machines = new MachineSet(Plan.Key, null, this) { Job = Id };
        _device = new CpuDevice(1, job.Options.InstructionSet);
        (_vectors, _gradients) = (new VectorPool(_device), new GradientPool(_device, job.Job.Layout.Length, _ranges));
        _stages = Plan.IsPiped ? new StagePools(pipeline, job.Job.Layout, _device) : null;
        _files = new BackgroundWork($"checkpoints of {Id}", Machines);
        _store = new StateStore(job.Job, job.Options, _ranges, Machines, _log, node.Files, _files, () => _register!.Incarnation);
        _attendant = new Thread(Attend) { IsBackground = true, Name = $"job {Id}" };
        _attendant.Start();
    }

    public ClusterJob Job { get; }

    public string Id => Job.Id;


    public JobPlan Plan { get; }

    public MachineSet Machines { get; }

    /// <summary>Floats of a shard.</summary>
    public int LengthOf(int shard) => _ranges[shard].Length;

    /// <summary>Name of the node of a seat; empty where it is not known.</summary>
    public string NodeOf(int seat) =>
        _places.TryGetValue(Address.Seat(seat), out var node) ? node.Name : Machines.Hosts.Any(h => h.Machine.Address == Address.Seat(seat)) ? _node.Address.Name : "";

    /// <summary>Nothing happens here any more.</summary>
    public bool IsOver => Volatile.Read(ref _over) != 0;

    public int StartSeat(int number)
    {
        var memory = new OwnSeatMemory(Job.Job, _ranges, _device, _vectors, _files);
        var seat = new NodeSeatHost(new ShardMachine(Plan, number), Machines, memory, _store, _vectors, _node.HostDigest, ended => Machines.Remove(ended));
        Begin(seat);
        return number;
    }

    public int StartWorker(int number)
    {
        var options = Job.Options;
        var threads = options.ComputeThreads > 0 ? options.ComputeThreads : Math.Max(1, Environment.ProcessorCount);
        var device = new CpuDevice(threads, options.InstructionSet);
        var weights = new PulledWeights(device, Job.Job.Layout.Length, _ranges);
        string name;
        lock (_changing) name = $"{_node.Address.Name} worker {_threads.Count}";
        var host = new WorkerHost(new WorkerMachine(Plan, number, new WorkerHello(name, Plan.Identity)), Machines, number, weights, _stages) { Vanished = WorkerVanished };
        var thread = new WorkerThread(host, Machines, Job.Job, _gradients, weights.Versions, device, t => MakeComputer(number, t.Device, weights.View), null) { Left = weights.Dispose, Name = name };
        lock (_changing)
        {
            if (IsOver)
            {
                weights.Dispose();
                device.Dispose();
                throw new ObjectDisposedException(nameof(JobSite));
            }
            _threads.Add(thread);
            Machines.Add(host);
            thread.Start();
        }
        return number;
    }

    public void RetireWorker(int number) => Machines.DeliverFromOutside(FromHost(MessageKind.Retire, Address.Worker(number)));

    /// <summary>A control message for this site.</summary>
    public void Receive(ControlMessage control)
    {
        var message = control.Message;
        foreach (var place in control.Seats) Learn(Address.Seat(place.Seat), place.Node);
        if (message.Payload is Crew crew) LearnCrew(crew);
        if (control.Report is { } report) Take(control.From, report);
        if (message.From == Address.Job) LearnScheduler(control.From, message.Incarnation);
        else if (message.From.Role is Role.Seat or Role.Worker) Learn(message.From, control.From);
        if (message.Kind != MessageKind.None) Machines.DeliverFromOutside(message);
        else if (message.From == Address.Job) AnswerScheduler(control.From);
    }

    /// <summary>The host says where the scheduler is now.</summary>
    public void JobMoved(NodeAddress scheduler) => SetScheduler(scheduler);

    public void PeerIsLost(NodeAddress node)
    {
        _reports.TryRemove(node.Name, out _);
        foreach (var (address, place) in _places)
        {
            if (place.Name != node.Name) continue;
            _lost[address] = node;
            _places.TryRemove(address, out _);
            if (Hosted is not null && address != Address.Job) Machines.DeliverFromOutside(Lost(address));
        }
    }

    /// <summary>A message for a machine that is not here.</summary>
    public bool Send(in Message message)
    {
        if (IsOver) return false;
        if (!_places.TryGetValue(message.To, out var node))
        {
            // The scheduler would wait for its silence; that it is gone is known.
            if (message.From == Address.Job && _lost.ContainsKey(message.To)) Machines.DeliverFromOutside(Lost(message.To));
            return false;
        }
        if (node.Name == _node.Address.Name) return false;
        if (ControlPayload.IsTensor(message.Kind)) _node.Lane.Send(node, this, message);
        else _node.Send(node, Wrap(message));
        return true;
    }

    /// <summary>Ends everything here at once, without a word to anybody.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _over, 1) != 0) return;
        Machines.Stop();
        _node.Lane.Forget(this);
        List<WorkerThread> threads;
        lock (_changing) threads = [.. _threads];
        var joined = Thread.CurrentThread == _attendant || _attendant.Join(_joinLimit);
        foreach (var thread in threads) joined &= thread.Join(_joinLimit);
        _files.Dispose();
        _registering?.Dispose();
        _feed?.Complete();
        Hosted?.Abandon();
        if (!joined) return;
        foreach (var host in Machines.Hosts)
            if (host is NodeSeatHost seat) seat.OwnMemory.FreeNow();
        _vectors.Dispose();
        _gradients.Dispose();
        _stages?.Dispose();
        _log.Dispose();
        _device.Dispose();
    }

    private void Begin(MachineHost host)
    {
        lock (_changing)
        {
            ObjectDisposedException.ThrowIf(IsOver, this);
            Machines.Add(host);
        }
        host.Post(FromHost(MessageKind.Tick, host.Machine.Address));
        Machines.Wake();
    }

    private void Attend()
    {
        try
        {
            using var device = new CpuDevice(1, Job.Options.InstructionSet);
            Machines.Attend(device);
        }
        catch (Exception e)
        {
            Machines.Fail(e);
        }
        if (Machines.Failure is { } failure) _node.Failed(this, failure);
    }

    private IComputer MakeComputer(int number, Device device, View weights)
    {
        try
        {
            return IComputer.Make(Job.Job, Job.Options.Device, device, weights);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new WorkerLostException($"worker {number} cannot compute on {Job.Options.Device}: {e.Message}", e);
        }
    }

    // Its own node knows first; where the scheduler is elsewhere, it is told in the worker's name.
    private void WorkerVanished(WorkerHost worker)
    {
        if (!IsOver) Send(new Message { Kind = MessageKind.Leave, From = worker.Machine.Address, To = Address.Job, Job = Plan.Key });
    }

    private void Learn(Address address, NodeAddress node)
    {
        if (_places.TryGetValue(address, out var known) && known == node) return;
        _lost.TryRemove(address, out _);
        _places[address] = node;
        if (node.Name != _node.Address.Name) _node.Lane.Watch(node, this);
    }

    // A scheduler of an earlier incarnation may still speak: it is not believed.
    private void LearnScheduler(NodeAddress node, long incarnation)
    {
        if (incarnation == 0 || incarnation < Volatile.Read(ref _jobIncarnation)) return;
        Volatile.Write(ref _jobIncarnation, incarnation);
        SetScheduler(node);
    }

    private void SetScheduler(NodeAddress node)
    {
        if (_places.TryGetValue(Address.Job, out var known) && known == node) return;
        Learn(Address.Job, node);
        if (known is null) return;
        // It may not know our workers: they join again at once, and not when their next sign of life is answered.
        foreach (var worker in Machines.Workers) Machines.DeliverFromOutside(new Message { Kind = MessageKind.Unknown, From = Address.Job, To = worker.Machine.Address, Job = Plan.Key });
    }

    private void AnswerScheduler(NodeAddress node)
    {
        if (node.Name == _node.Address.Name) return;
        _node.Send(node, new ControlMessage { Job = Id, From = _node.Address, Seats = OwnSeats() });
    }

    private ControlMessage Wrap(in Message message)
    {
        ControlPayload.Check(message);
        if (message.Payload is Crew crew) return new ControlMessage { Job = Id, From = _node.Address, Message = message with { Payload = WithHosts(crew) }, Seats = message.Placement is { } seats ? PlacesOf(seats) : [] };
        // The shard's host goes on to write in its figures; the wire may read them later.
        var sent = message.Payload is ReducedFigures figures
            ? message with { Payload = figures.Copy() }
            : message;
        return new ControlMessage { Job = Id, From = _node.Address, Message = sent, Seats = message.Placement is { } placement ? PlacesOf(placement) : [] };
    }

    private ImmutableArray<SeatPlace> PlacesOf(Placement placement)
    {
        var places = ImmutableArray.CreateBuilder<SeatPlace>(2 * placement.Shards.Length);
        foreach (var shard in placement.Shards)
        {
            Add(shard.Primary);
            if (shard.HasReplica) Add(shard.Replica);
        }
        return places.ToImmutable();

        void Add(int seat)
        {
            if (_places.TryGetValue(Address.Seat(seat), out var node)) places.Add(new SeatPlace(seat, node));
            else if (Machines.Hosts.Any(h => h.Machine.Address == Address.Seat(seat))) places.Add(new SeatPlace(seat, _node.Address));
        }
    }

    private ImmutableArray<SeatPlace> OwnSeats() => [.. Machines.Hosts.OfType<NodeSeatHost>().Select(s => new SeatPlace(s.Machine.Address.Number, _node.Address))];

    private Message FromHost(MessageKind kind, Address to) => new() { Kind = kind, From = Address.Host, To = to, Job = Plan.Key };

    private Message Lost(Address address) => new() { Kind = MessageKind.Lost, From = address, To = Address.Job, Job = Plan.Key };
}

/// <summary>What a site needs of its node.</summary>
internal interface INodeServices
{
    NodeAddress Address { get; }

    /// <summary>Says which process this is: equal for its seats, other than that of every other node; never 0.</summary>
    ulong HostDigest { get; }

    LaneRoutes Lane { get; }

    IFileSystem Files { get; }

    TimeProvider Time { get; }

    void Send(NodeAddress node, ControlMessage message);

    /// <summary>The site's own code failed: it ends.</summary>
    void Failed(JobSite site, Exception failure);
}
