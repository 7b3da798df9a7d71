using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>The worker processes of one cluster: starts each, waits until it has opened its stream, knows which are alive, and ends those of which nothing is heard.</summary>
internal sealed class WorkerProcesses : ILaneReceiver, IDisposable
{
    private static readonly TimeSpan _slowStart = TimeSpan.FromSeconds(5);
    private const int GreetingHead = sizeof(int);

    private readonly ResolvedJob _job;
    private readonly RunOptions _options;
    private readonly MachineSet _machines;
    private readonly int _shards;
    private readonly VectorPool _vectors;
    private readonly WeightCopies _weights;
    private readonly byte[] _key = LaneToken.NewClusterKey();
    private readonly byte[] _identity;
    private readonly LanePeer _peer;
    private readonly ConcurrentDictionary<int, Arrival> _arriving = new();
    private readonly ConcurrentDictionary<int, ChildProcess> _alive = new();
    private readonly ConcurrentDictionary<int, Working> _working = new();
    private int _letGo;

    /// <param name="shards">Of the run.</param>
    public WorkerProcesses(ResolvedJob job, RunOptions options, MachineSet machines, Device device, View weights, WeightVersions versions, int shards, TimeProvider time)
    {
        (_job, _options, _machines, _shards, _vectors) = (job, options, machines, shards, new VectorPool(device));
        (_weights, _identity) = (new WeightCopies(weights, versions, _vectors), Encoding.UTF8.GetBytes(WorkerOrder.IdentityOf(job)));
        _peer = new LanePeer(new LanePeerOptions(WorkerOrder.ParentName, _key, device) { Silence = options.WorkerSilence, MaxPayloadBytes = int.MaxValue, Time = time }, this);
    }

    /// <summary>A message holds at most so many elements, and the weights are one.</summary>
    public const int MaxElements = int.MaxValue / sizeof(float);

    /// <summary>By worker number.</summary>
    public IReadOnlyDictionary<int, int> Ids => _alive.Where(pair => pair.Value.Alive).ToDictionary(pair => pair.Key, pair => pair.Value.Id);

    /// <summary>Starts a process for a worker and waits until it is ready.</summary>
    /// <exception cref="WorkerLostException">It ended, or said nothing in time, or the run is over.</exception>
    public RemoteComputer Start(WorkerHost host, int computeThreads)
    {
        var launch = _options.WorkerLaunch ?? throw new InvalidOperationException("worker processes are asked for and no command line is given that starts one (RunOptions.WorkerLaunch).");
        var order = new WorkerOrder(_peer.Endpoint.ToString(), Convert.ToBase64String(_key), host.Number, _job.Document, computeThreads, _options.InstructionSet, _options.Device);
        using var arrival = _arriving[host.Number] = new Arrival();
        var child = new ChildProcess(launch, order, ended => Gone(host, ended, arrival));
        _alive[host.Number] = child;
        if (!child.Alive) _alive.TryRemove(host.Number, out _);
        var inTime = AwaitArrival(arrival, $"worker {host.Number} (process {child.Id})");
        _arriving.TryRemove(host.Number, out _);
        if (arrival.Stream is { } stream && !host.Dead && !IsLetGo)
        {
            var computer = new RemoteComputer(stream, child, host.Number, _job.Layout.Length, _shards, _weights);
            _working[host.Number] = new Working(host, child, computer);
            // Between the last look and the list the run may have ended.
            if (IsLetGo) computer.LetGo();
            return computer;
        }
        arrival.Stream?.Link.Close("the worker is not needed");
        var why = IsLetGo ? "is not needed any more" : inTime ? child.Describe() : $"(process {child.Id}) opened no stream within {_options.WorkerStart.TotalSeconds:F0} s: ended";
        _alive.TryRemove(host.Number, out _);
        child.Dispose();
        throw new WorkerLostException($"worker {host.Number} {why}");
    }

    /// <summary>kill -9.</summary>
    public bool Kill(int number)
    {
        if (!_alive.TryGetValue(number, out var child)) return false;
        child.Kill();
        return true;
    }

    /// <summary>The run is over: whoever waits for a worker process, to start or to answer, stops waiting. The processes end as their threads dispose of them.</summary>
    public void LetGo()
    {
        Interlocked.Exchange(ref _letGo, 1);
        foreach (var arrival in _arriving.Values) arrival.GiveUp();
        foreach (var working in _working.Values) working.Computer.LetGo();
    }

    public void Dispose()
    {
        LetGo();
        foreach (var child in _alive.Values) child.Dispose();
        _peer.Dispose();
        _weights.Dispose();
        _vectors.Dispose();
    }

    /// <summary>A worker process is ready: it has said which worker it is, and what it will compute.</summary>
    public string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting)
    {
        if (stream.Job != _job.Name || greeting.Length < GreetingHead) return $"this is the lane of job {_job.Name}, for its workers.";
        if (!greeting[GreetingHead..].SequenceEqual(_identity))
            return $"the worker's job is not this job: it has {Encoding.UTF8.GetString(greeting[GreetingHead..])}, here it is {Encoding.UTF8.GetString(_identity)}. Spec, data and release must be the same on both sides.";
        var number = BinaryPrimitives.ReadInt32LittleEndian(greeting);
        return _arriving.TryGetValue(number, out var arrival) && arrival.TryTake(stream) ? null : $"worker {number} is not expected.";
    }

    public int PlacesFor(LaneStream stream, ReadOnlySpan<byte> control, int payloadBytes, Span<View> places) =>
        stream.Tag is RemoteComputer computer ? computer.PlacesFor(control, places) : throw new LaneFormatException("a worker process answers and was not asked.");

    public void Received(LaneStream stream, LaneMessage message)
    {
        if (stream.Tag is not RemoteComputer computer) throw new LaneFormatException("a worker process answers and was not asked.");
        computer.Answered(message);
    }

    public void Closed(LaneStream stream, string why)
    {
        if (stream.Tag is not RemoteComputer computer) return;
        if (stream.Link.Silent > TimeSpan.Zero && _working.Values.FirstOrDefault(w => w.Computer == computer) is { } working) End(working, stream.Link.Silent);
        computer.Closed(why);
    }

    private bool IsLetGo => Volatile.Read(ref _letGo) != 0;

    private bool AwaitArrival(Arrival arrival, string who)
    {
        var slow = _options.WorkerStart < _slowStart ? _options.WorkerStart : _slowStart;
        if (IsLetGo || arrival.Ready.Wait(slow)) return true;
        if (slow == _options.WorkerStart) return false;
        _machines.Warn($"{who} has opened no stream for {slow.TotalSeconds:F0} s; it may take {_options.WorkerStart.TotalSeconds:F0} s. The others train meanwhile.");
        return arrival.Ready.Wait(_options.WorkerStart - slow);
    }

    // Killing also ends a process that is stopped.
    private void End(Working working, TimeSpan silent)
    {
        _working.TryRemove(working.Host.Number, out _);
        _alive.TryRemove(working.Host.Number, out _);
        // First the word, so that this is the reason that is given, and not the end that follows from it.
        working.Host.Vanish(string.Create(CultureInfo.InvariantCulture, $"worker {working.Host.Number} (process {working.Child.Id}) said nothing for {silent.TotalSeconds:F1} s: killed; its lease goes to others"));
        working.Child.Kill();
    }

    // On a thread of the pool, where an exception would end the whole program: it ends the run instead.
    private void Gone(WorkerHost host, ChildProcess child, Arrival arrival)
    {
        try
        {
            _alive.TryRemove(host.Number, out _);
            _working.TryRemove(host.Number, out _);
            arrival.GiveUp();
            if (!host.Dead) host.Vanish($"worker {host.Number} (process {child.Id}) {child.Describe()}");
        }
        catch (Exception failure)
        {
            _machines.Fail(failure);
        }
    }

    private sealed record Working(WorkerHost Host, ChildProcess Child, RemoteComputer Computer);

    /// <summary>One worker that is awaited.</summary>
    private sealed class Arrival : IDisposable
    {
        private readonly Lock _gate = new();
        private bool _over;

        public ManualResetEventSlim Ready { get; } = new();

        public LaneStream? Stream { get; private set; }

        public bool TryTake(LaneStream stream)
        {
            lock (_gate)
            {
                if (_over || Stream is not null) return false;
                Stream = stream;
                Ready.Set();
                return true;
            }
        }

        public void GiveUp()
        {
            lock (_gate)
                if (!_over) Ready.Set();
        }

        public void Dispose()
        {
            lock (_gate)
            {
                _over = true;
                Ready.Dispose();
            }
        }
    }
}
