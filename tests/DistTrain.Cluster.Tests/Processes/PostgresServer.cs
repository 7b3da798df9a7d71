using System.Diagnostics;

namespace DistTrain.Cluster.Tests.Processes;

/// <summary>A PostgreSQL for the tests: the one that DISTTRAIN_POSTGRESQL names, else one made of the programs below /usr/lib/postgresql, on a socket in a folder of its own and without a port.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private readonly Process? _process;
    private readonly string _folder;

    private PostgresServer(Process? process, string folder, string connection) => (_process, _folder, Connection) = (process, folder, connection);

    public string Connection { get; }

    public static bool IsHere => Named.Length > 0 || (Programs is not null && (!IsRoot || File.Exists("/usr/sbin/runuser")));

    private static string Named => Environment.GetEnvironmentVariable("DISTTRAIN_POSTGRESQL") ?? "";

    private static string? Programs => Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).Where(d => File.Exists(Path.Combine(d, "initdb"))).Order(StringComparer.Ordinal).LastOrDefault() : null;

    private static bool IsRoot => Environment.UserName == "root";

    public static async Task<PostgresServer> StartAsync()
    {
        if (Named.Length > 0) return new PostgresServer(null, "", Named);
        var folder = Directory.CreateTempSubdirectory("disttrain-pg").FullName;
        // It does not run as root. It ends when its standard input does: with the process that runs the tests, however that ends.
        var script = $"initdb='{Programs}/initdb'; cd '{folder}'; \"$initdb\" -D '{folder}/data' -U disttrain -A trust --no-sync >'{folder}/initdb.txt' 2>&1 || exit 1; '{Programs}/postgres' -D '{folder}/data' -k '{folder}' -c listen_addresses= -c fsync=off >'{folder}/log.txt' 2>&1 </dev/null & server=$!; "
            + $"until '{Programs}/pg_isready' -q -h '{folder}' -U disttrain; do kill -0 $server || exit 1; sleep 0.1; done; echo ready; cat >/dev/null; kill -QUIT $server; wait $server";
        var start = new ProcessStartInfo(IsRoot ? "/usr/sbin/runuser" : "/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in IsRoot ? ["-u", "postgres", "--", "/bin/sh", "-c", script] : (string[])["-c", script]) start.ArgumentList.Add(argument);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
        var process = Process.Start(start)!;
        var server = new PostgresServer(process, folder, $"Host={folder};Username=disttrain;Database=postgres");
        var said = await process.StandardOutput.ReadLineAsync().WaitAsync(Training.TrainingCluster.Limit);
        if (said == "ready") return server;
        var log = string.Join(Environment.NewLine, new[] { "initdb.txt", "log.txt" }.Select(f => Path.Combine(folder, f)).Where(File.Exists).Select(File.ReadAllText));
        await server.DisposeAsync();
        throw new InvalidOperationException($"PostgreSQL did not start:{Environment.NewLine}{log}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().WaitAsync(Training.TrainingCluster.Limit);
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
