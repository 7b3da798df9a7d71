using System.Collections.Concurrent;
using System.Net;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training.Nodes;

/// <summary>What the control wire of a test does to messages.</summary>
/// <param name="Drop">Share that is lost.</param>
/// <param name="Repeat">Share that comes twice.</param>
/// <param name="Delay">Share that comes after messages sent later.</param>
internal sealed record Weather(double Drop = 0, double Repeat = 0, double Delay = 0, int Seed = 1)
{
    public static readonly Weather Fair = new();
}

/// <summary>Nodes of one process: control messages through a queue that is as bad as the weather, tensors over the loopback lane, one folder for checkpoints.</summary>
internal sealed class InMemoryCluster : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    private readonly ConcurrentDictionary<string, TrainingNode> _nodes = new();
    private readonly byte[] _key = LaneToken.NewClusterKey();
    private readonly Weather _weather;
    private readonly Lock _gate = new();
    private readonly Random _random;
    private readonly BlockingCollection<(string Node, ControlMessage Message)> _queue = [];
    private readonly List<(string Node, ControlMessage Message)> _late = [];
    private readonly Thread _wire;
    private int _births;

    public InMemoryCluster(Weather? weather = null)
    {
        _weather = weather ?? Weather.Fair;
        _random = new Random(_weather.Seed);
        Folder = Directory.CreateTempSubdirectory("disttrain-nodes-").FullName;
        Register = new FolderRegister(Path.Combine(Folder, "register"));
        _wire = new Thread(Carry) { IsBackground = true, Name = "wire" };
        _wire.Start();
    }

    public string Folder { get; }

    public IJobRegister Register { get; }

    public ConcurrentQueue<string> Problems { get; } = new();

    public ConcurrentDictionary<MessageKind, int> Carried { get; } = new();

    public IReadOnlyList<TrainingNode> Nodes => [.. _nodes.Values.OrderBy(n => n.Address.Name, StringComparer.Ordinal)];

    /// <summary>Raised for each node that another one finds lost.</summary>
    public event Action<TrainingNode, NodeAddress>? Lost;

    public ClusterJob Job(ResolvedJob job, int shards, bool replicated = true, long checkpointEvery = 0, int pipeline = 1) => new()
    {
        Id = "job", Job = job, Replicated = replicated, Limits = Limits,
        Options = new RunOptions { Shards = shards, Pipeline = pipeline, ComputeThreads = 1, CheckpointFolder = Path.Combine(Folder, "checkpoints"), CheckpointEvery = checkpointEvery, KeepBest = KeepBest.None },
    };

    /// <summary>As on a network, but that a busy machine is not taken for a dead one.</summary>
    public static TimeLimits Limits => ClusterJob.Network with { Silence = TimeSpan.FromSeconds(10) };

    public TrainingNode Add()
    {
        var name = $"node-{(char)('a' + _births++)}";
        var node = new TrainingNode(new NodeOptions(name, new IPEndPoint(IPAddress.Loopback, 0), _key), new Wire(this, name));
        node.Lost += lost => Lost?.Invoke(node, lost);
        _nodes[name] = node;
        return node;
    }

    /// <summary>Every socket closes, nothing more is sent or taken.</summary>
    public void Kill(TrainingNode node)
    {
        _nodes.TryRemove(node.Address.Name, out _);
        node.Dispose();
    }

    public void Dispose()
    {
        foreach (var node in _nodes.Values) node.Dispose();
        _queue.CompleteAdding();
        _wire.Join();
        _queue.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private void Carry()
    {
        foreach (var (node, message) in _queue.GetConsumingEnumerable())
        {
            if (!_nodes.TryGetValue(node, out var receiver)) continue;
            Carried.AddOrUpdate(message.Message.Kind, 1, static (_, n) => n + 1);
            try
            {
                receiver.Receive(message);
            }
            catch (Exception e)
            {
                Problems.Enqueue(e.ToString());
            }
        }
    }

    private void Send(string from, string to, ControlMessage message)
    {
        // A node that was killed may still be at its last sentence.
        if (!_nodes.ContainsKey(from)) return;
        lock (_gate)
        {
            if (_queue.IsAddingCompleted) return;
            if (_random.NextDouble() < _weather.Drop) return;
            if (_random.NextDouble() < _weather.Delay) _late.Add((to, message));
            else _queue.Add((to, message));
            if (_random.NextDouble() < _weather.Repeat) _queue.Add((to, message));
            if (_late.Count > 4 || (_late.Count > 0 && _random.NextDouble() < 0.3))
            {
                var at = _random.Next(_late.Count);
                _queue.Add(_late[at]);
                _late.RemoveAt(at);
            }
        }
    }

    private sealed class Wire(InMemoryCluster cluster, string from) : IControlWire
    {
        public void Send(string node, ControlMessage message)
        {
            ControlPayload.Check(message.Message);
            cluster.Send(from, node, message);
        }
    }
}
