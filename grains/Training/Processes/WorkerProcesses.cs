using System.Collections.Concurrent;
using System.Net;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>The worker processes of one cluster: starts each, waits until it has opened its stream, and knows which are alive.</summary>
internal sealed class WorkerProcesses : IDisposable
{
    private static readonly TimeSpan _startLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _tokenLife = TimeSpan.FromMinutes(5);

    private readonly ResolvedJob _job;
    private readonly RunOptions _options;
    private readonly MachineSet _machines;
    private readonly View _weights;
    private readonly TimeProvider _time;
    private readonly byte[] _clusterKey = LaneToken.NewClusterKey();
    private readonly LaneListener _listener;
    private readonly ConcurrentDictionary<int, Arrival> _arriving = new();
    private readonly ConcurrentDictionary<int, ChildProcess> _alive = new();

    public WorkerProcesses(ResolvedJob job, RunOptions options, MachineSet machines, View weights, TimeProvider time)
    {
        (_job, _options, _machines, _weights, _time) = (job, options, machines, weights, time);
        _listener = new LaneListener(new IPEndPoint(IPAddress.Loopback, 0), _clusterKey, job.Name, WorkerOrder.IdentityOf(job), time, Arrived);
    }

    /// <summary>By worker number.</summary>
    public IReadOnlyDictionary<int, int> Ids => _alive.Where(pair => pair.Value.Alive).ToDictionary(pair => pair.Key, pair => pair.Value.Id);

    /// <summary>Starts a process for a worker and waits until it is ready.</summary>
    /// <exception cref="WorkerLostException">It ended, or said nothing in time.</exception>
    public RemoteComputer Start(WorkerHost host, int computeThreads)
    {
        var launch = _options.WorkerLaunch ?? throw new InvalidOperationException("worker processes are asked for and no command line is given that starts one (RunOptions.WorkerLaunch).");
        var token = LaneToken.Issue(_clusterKey, _job.Name, _time.GetUtcNow() + _tokenLife);
        var order = new WorkerOrder(_listener.Endpoint.ToString(), Convert.ToBase64String(token), host.Number, _job.Document, computeThreads, _options.InstructionSet, _options.Device);
        using var arrival = _arriving[host.Number] = new Arrival();
        var child = new ChildProcess(launch, order, ended => Gone(host, ended, arrival));
        _alive[host.Number] = child;
        if (!child.Alive) _alive.TryRemove(host.Number, out _);
        var inTime = arrival.Ready.Wait(_startLimit);
        _arriving.TryRemove(host.Number, out _);
        if (arrival.Stream is { } stream && !host.Dead) return new RemoteComputer(stream, child, _weights);
        arrival.Stream?.Connection.Dispose();
        var why = inTime ? child.Describe() : $"opened no stream within {_startLimit.TotalSeconds:F0} s";
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

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var child in _alive.Values) child.Dispose();
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
