using System.Globalization;
using System.Net;
using System.Net.Sockets;
using DistTrain.Client;
using DistTrain.Contracts;

namespace DistTrain.Cluster.Tests.Processes;

/// <summary>A gateway and silos as processes of their own on loopback, and a client of the gateway. The gateway holds the membership, unless it stands in a database.</summary>
internal sealed class ClusterProcesses(string folder) : IAsyncDisposable
{
    private const string Token = "0123456789abcdef0123456789abcdef";
    private const int Tries = 3;
    private readonly string _cluster = $"test-{Guid.NewGuid():N}";
    private readonly List<Silo> _silos = [];
    private ChildProgram? _gateway;
    private DistTrainClient? _client;
    private int _primary;
    private int _started;

    /// <summary>One silo that trains.</summary>
    /// <param name="Node">As members name it.</param>
    internal sealed record Silo(ChildProgram Program, string Node);

    /// <summary>Connection string; empty = membership in the gateway's memory, everything else in the folder.</summary>
    public string Postgres { get; init; } = "";

    public IReadOnlyList<string> GatewayOptions { get; init; } = [];

    public IReadOnlyList<string> SiloOptions { get; init; } = [];

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<Silo> Silos => _silos;

    public ChildProgram Gateway => _gateway!;

    /// <summary>Where the gateway listens.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    public DistTrainClient Client => _client ??= new DistTrainClient(new DistTrainClientOptions { Server = Address, Token = Token }) { KeepTrying = true };

    public DistTrainClient ClientWith(string authority) => new(new DistTrainClientOptions { Server = Address, Token = Token, AuthorityFile = authority });

    public async Task StartAsync(int silos)
    {
        (_gateway, _) = await StartAsync("gateway", port => ["--role", "gateway", "--http-port", "0", .. GatewayOptions, .. Membership(_primary = port)]);
        Address = new Uri(await _gateway.SaysAsync("link "));
        _client = null;
        var starting = Enumerable.Range(0, silos).Select(_ => StartSiloAsync()).ToList();
        foreach (var silo in starting) await silo;
    }

    public async Task StartSiloAsync()
    {
        var (program, node) = await StartAsync($"silo-{Interlocked.Increment(ref _started)}", _ => [.. SiloOptions, .. Membership(_primary)]);
        lock (_silos) _silos.Add(new Silo(program, node));
    }

    public async Task KillAsync(Silo silo)
    {
        _silos.Remove(silo);
        await silo.Program.DisposeAsync();
    }

    /// <summary>Every process, with kill -9.</summary>
    public async Task KillAllAsync()
    {
        if (_client is not null) await _client.DisposeAsync();
        _client = null;
        await Task.WhenAll(_silos.Select(s => s.Program).Append(_gateway!).Select(p => p.KillAsync()));
        _silos.Clear();
    }

    /// <summary>The silo that took the job up last, by what they say.</summary>
    public Silo HolderOf(string job) => _silos.Where(s => s.Program.Said.Contains($"Job {job} is taken up here", StringComparison.Ordinal)).MaxBy(s => s.Program.Said.Split('\n').Last(l => l.Contains("is taken up here", StringComparison.Ordinal))[..12], StringComparer.Ordinal)!;

    /// <summary>Returns when a step is committed and every shard has both copies on living silos.</summary>
    public async Task WholeAsync(string job, long step)
    {
        using var limit = new CancellationTokenSource(Training.TrainingCluster.Limit);
        while (true)
        {
            var (status, members) = (await Client.GetAsync(job, limit.Token), await Client.MembersAsync(job, limit.Token));
            if (JobStates.IsEnd(status.State) || (status.Step >= step && members.Shards.Count > 0 && members.Shards.All(s => _silos.Any(l => l.Node == s.Primary) && _silos.Any(l => l.Node == s.Replica)))) return;
            await Task.Delay(20, limit.Token);
        }
    }

    public async Task<JobStatus> EndAsync(string job)
    {
        using var limit = new CancellationTokenSource(Training.TrainingCluster.Limit);
        await foreach (var _ in Client.EventsAsync(job, 0, limit.Token))
        {
            // The last event comes with the end.
        }
        JobStatus status;
        do status = await Client.GetAsync(job, limit.Token);
        while (!JobStates.IsEnd(status.State));
        return status;
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null) await _client.DisposeAsync();
        foreach (var program in _silos.Select(s => s.Program).Append(_gateway).OfType<ChildProgram>()) await program.DisposeAsync();
    }

    // Orleans must know its port before it listens; where another program was faster, the next one is tried.
    private async Task<(ChildProgram Program, string Node)> StartAsync(string name, Func<int, IReadOnlyList<string>> options)
    {
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            var program = ChildProgram.Start("disttrain-silo.dll",
                ["--name", name, "--silo-port", port.ToString(CultureInfo.InvariantCulture), "--gateway-port", "0", "--lane-port", "0", "--health-port", "0", "--state", folder, "--attached", "true", "--threads", "1", .. options(port)],
                new Dictionary<string, string>(Environment) { ["DISTTRAIN_TOKEN"] = Token, ["DISTTRAIN_POSTGRESQL"] = Postgres });
            try
            {
                return (program, await program.SaysAsync("ready "));
            }
            catch (InvalidOperationException) when (attempt < Tries && program.HasEnded)
            {
                await program.DisposeAsync();
            }
        }
    }

    private string[] Membership(int primary) => Postgres.Length > 0 ? ["--clustering", "postgresql", "--cluster", _cluster] : ["--primary", $"127.0.0.1:{primary}"];

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
