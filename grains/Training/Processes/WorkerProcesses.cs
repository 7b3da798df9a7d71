using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>The worker processes of one cluster: starts each, waits until it has opened its stream, knows which are alive, and ends those of which nothing is heard.</summary>
internal sealed class WorkerProcesses : IDisposable
{
    private static readonly TimeSpan _slowStart = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _watchEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _tokenLife = TimeSpan.FromMinutes(5);

    private readonly ResolvedJob _job;
    private readonly RunOptions _options;
    private readonly MachineSet _machines;
    private readonly View _weights;
    private readonly WeightVersions _versions;
    private readonly TimeProvider _time;
    private readonly byte[] _clusterKey = LaneToken.NewClusterKey();
    private readonly LaneListener _listener;
    private readonly ConcurrentDictionary<int, Arrival> _arriving = new();
    private readonly ConcurrentDictionary<int, ChildProcess> _alive = new();
    private readonly ConcurrentDictionary<int, Watched> _watched = new();
    private readonly ManualResetEventSlim _watchOver = new();
    private readonly Thread _watch;
    private int _letGo;

    public WorkerProcesses(ResolvedJob job, RunOptions options, MachineSet machines, View weights, WeightVersions versions, TimeProvider time)
    {
        (_job, _options, _machines, _weights, _versions, _time) = (job, options, machines, weights, versions, time);
        _listener = new LaneListener(new IPEndPoint(IPAddress.Loopback, 0), _clusterKey, job.Name, WorkerOrder.IdentityOf(job), time, Arrived);
        _watch = new Thread(Watch) { IsBackground = true, Name = "watch over worker processes" };
        _watch.Start();
    }

    /// <summary>By worker number.</summary>
    public IReadOnlyDictionary<int, int> Ids => _alive.Where(pair => pair.Value.Alive).ToDictionary(pair => pair.Key, pair => pair.Value.Id);

    /// <summary>Starts a process for a worker and waits until it is ready.</summary>
    /// <exception cref="WorkerLostException">It ended, or said nothing in time, or the run is over.</exception>
    public RemoteComputer Start(WorkerHost host, int computeThreads)
    {
        var launch = _options.WorkerLaunch ?? throw new InvalidOperationException("worker processes are asked for and no command line is given that starts one (RunOptions.WorkerLaunch).");
        var token = LaneToken.Issue(_clusterKey, _job.Name, _time.GetUtcNow() + _tokenLife);
        var order = new WorkerOrder(_listener.Endpoint.ToString(), Convert.ToBase64String(token), host.Number, _job.Document, computeThreads, _options.InstructionSet, _options.Device);
        using var arrival = _arriving[host.Number] = new Arrival();
        var child = new ChildProcess(launch, order, ended => Gone(host, ended, arrival));
        _alive[host.Number] = child;
        if (!child.Alive) _alive.TryRemove(host.Number, out _);
        var inTime = AwaitArrival(arrival, $"worker {host.Number} (process {child.Id})");
        _arriving.TryRemove(host.Number, out _);
        if (arrival.Stream is { } stream && !host.Dead && !IsLetGo)
        {
            var computer = new RemoteComputer(stream, child, _weights, _versions);
            _watched[host.Number] = new Watched(host, computer, child.Id);
            // Between the last look and the list the run may have ended.
            if (IsLetGo) computer.LetGo();
            return computer;
        }
        arrival.Stream?.Connection.Dispose();
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
        foreach (var watched in _watched.Values) watched.Computer.LetGo();
    }

    public void Dispose()
    {
        LetGo();
        _watchOver.Set();
        _watch.Join();
        _watchOver.Dispose();
        _listener.Dispose();
        foreach (var child in _alive.Values) child.Dispose();
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

    private void Watch()
    {
        try
        {
            var last = Stopwatch.GetTimestamp();
            while (!_watchOver.Wait(_watchEvery))
            {
                var (now, round) = (Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(last));
                last = now;
                // While this process itself stood still, nobody could be heard: that is nobody's silence.
                if (round > 2 * _watchEvery) round = 2 * _watchEvery;
                foreach (var watched in _watched.Values) Listen(watched, round);
            }
        }
        catch (Exception failure)
        {
            _machines.Fail(failure);
        }
    }

    private void Listen(Watched watched, TimeSpan round)
    {
        var heard = watched.Computer.Heard();
        if (heard < 0 || watched.Host.Dead)
        {
            _watched.TryRemove(watched.Host.Number, out _);
            return;
        }
        if (heard != watched.Heard)
        {
            (watched.Heard, watched.Quiet) = (heard, TimeSpan.Zero);
            return;
        }
        watched.Quiet += round;
        if (watched.Quiet < _options.WorkerSilence) return;
        _watched.TryRemove(watched.Host.Number, out _);
        _alive.TryRemove(watched.Host.Number, out _);
        // First the word, so that this is the reason that is given, and not the end that follows from it.
        watched.Host.Vanish(string.Create(CultureInfo.InvariantCulture, $"worker {watched.Host.Number} (process {watched.ProcessId}) said nothing for {watched.Quiet.TotalSeconds:F1} s: killed; its lease goes to others"));
        watched.Computer.Break();
    }

    private void Arrived(OpenedStream stream)
    {
        if (_arriving.TryGetValue(stream.Number, out var arrival) && arrival.TryTake(stream)) return;
        stream.Connection.SendText(LaneKind.Refused, stream.Stream, $"worker {stream.Number} is not expected.");
        stream.Connection.Dispose();
    }

    // On a thread of the pool, where an exception would end the whole program: it ends the run instead.
    private void Gone(WorkerHost host, ChildProcess child, Arrival arrival)
    {
        try
        {
            _alive.TryRemove(host.Number, out _);
            arrival.GiveUp();
            if (!host.Dead) host.Vanish($"worker {host.Number} (process {child.Id}) {child.Describe()}");
        }
        catch (Exception failure)
        {
            _machines.Fail(failure);
        }
    }

    /// <summary>One worker process that works: what was heard of it, and for how long nothing was.</summary>
    private sealed class Watched(WorkerHost host, RemoteComputer computer, int processId)
    {
        public WorkerHost Host => host;

        public RemoteComputer Computer => computer;

        public int ProcessId => processId;

        public long Heard { get; set; } = -1;

        public TimeSpan Quiet { get; set; }
    }

    /// <summary>One worker that is awaited.</summary>
    private sealed class Arrival : IDisposable
    {
        private readonly Lock _gate = new();
        private bool _over;

        public ManualResetEventSlim Ready { get; } = new();

        public OpenedStream? Stream { get; private set; }

        public bool TryTake(OpenedStream stream)
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
