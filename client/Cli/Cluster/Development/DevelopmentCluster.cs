using System.Globalization;
using System.Net;
using System.Net.Sockets;
using DistTrain.Dashboard;

namespace DistTrain.Cli;

/// <summary>A gateway, which also holds the membership, and silos: child processes of this one. They end when it does, however it ends.</summary>
internal sealed class DevelopmentCluster(string program, string state, string postgres, Action<string> say) : IAsyncDisposable
{
    private static readonly TimeSpan _startLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _stopLimit = TimeSpan.FromSeconds(20);
    private readonly List<SiloProcess> _processes = [];

    /// <returns>The link to the page, with the token.</returns>
    public async Task<string> StartAsync(int silos, int workers, int port, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.Combine(state, "logs"));
        var token = DashboardOptions.NewToken();
        var primary = FreePort();
        var gateway = Start("gateway", primary, primary, ["--role", "gateway", "--http-port", port.ToString(CultureInfo.InvariantCulture)], token);
        var link = await gateway.SaysAsync("link", _startLimit, cancellation).ConfigureAwait(false);
        await gateway.SaysAsync("ready", _startLimit, cancellation).ConfigureAwait(false);
        say($"gateway is up (process {gateway.Id})");
        var started = Enumerable.Range(1, silos).Select(i => Start($"silo-{i}", FreePort(), primary, ["--workers", workers.ToString(CultureInfo.InvariantCulture), .. workers == 0 ? (string[])["--hosts", "shards"] : []], token)).ToList();
        foreach (var silo in started)
        {
            await silo.SaysAsync("ready", _startLimit, cancellation).ConfigureAwait(false);
            say($"{silo.Name} is up (process {silo.Id})");
        }
        return $"{link}#token={token}";
    }

    /// <summary>Says which process ends; ends itself when the gateway has, or no silo is left.</summary>
    public async Task WatchAsync(CancellationToken cancellation)
    {
        var running = _processes.ToList();
        while (running.Count > 1 && running[0].Name == "gateway")
        {
            var ended = await Task.WhenAny(running.Select(p => p.Ended)).WaitAsync(cancellation).ConfigureAwait(false);
            var process = running.First(p => p.Ended == ended);
            running.Remove(process);
            say($"{process.Name} has ended with exit code {await process.Ended.ConfigureAwait(false)}; its log: {process.Log}");
        }
        throw new CommandException(ExitCode.JobFailed, running.Count == 0 || running[0].Name != "gateway" ? "the gateway has ended." : "no silo is left.");
    }

    /// <summary>Silos first, then the gateway: each finishes its leases and leaves.</summary>
    public async Task StopAsync()
    {
        foreach (var group in new[] { _processes.Skip(1).ToArray(), [.. _processes.Take(1)] })
        {
            foreach (var process in group) process.Terminate();
            await Task.WhenAny(Task.WhenAll(group.Select(p => p.Ended)), Task.Delay(_stopLimit)).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes) await process.DisposeAsync().ConfigureAwait(false);
    }

    private SiloProcess Start(string name, int port, int primary, IReadOnlyList<string> options, string token)
    {
        List<string> arguments = ["--name", name, "--silo-port", Text(port), "--gateway-port", "0", "--lane-port", "0", "--health-port", "0", "--state", state, "--data", Environment.CurrentDirectory, "--attached", "true", .. options];
        if (postgres.Length == 0) arguments.AddRange(["--primary", $"127.0.0.1:{Text(primary)}"]);
        else arguments.AddRange(["--clustering", "postgresql"]);
        var process = SiloProcess.Start(name, program, arguments, new Dictionary<string, string> { ["DISTTRAIN_TOKEN"] = token, ["DISTTRAIN_POSTGRESQL"] = postgres }, Path.Combine(state, "logs", name + ".txt"));
        _processes.Add(process);
        return process;
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    // Orleans needs to know its port before it listens.
    private static int FreePort()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    }
}
