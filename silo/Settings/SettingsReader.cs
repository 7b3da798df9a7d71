using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace DistTrain.Silo;

/// <summary>Options from the command line, else from the environment, else as they are by default. Every problem is found before anything starts.</summary>
internal sealed partial class SettingsReader
{
    private readonly Dictionary<string, (string Value, string From)> _values = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];

    private SettingsReader(IReadOnlyList<string> arguments, Func<string, string?> environment)
    {
        foreach (var setting in Setting.All)
            if (environment(setting.Variable) is { Length: > 0 } value) _values[setting.Name] = (value, setting.Variable);
        for (var i = 0; i < arguments.Count; i++)
        {
            var (name, value) = arguments[i].IndexOf('=', StringComparison.Ordinal) is > 0 and var at ? (arguments[i][..at], arguments[i][(at + 1)..]) : (arguments[i], null);
            if (!name.StartsWith("--", StringComparison.Ordinal) || Setting.All.All(s => s.Name != name[2..])) _problems.Add($"{name} is no option. See them with --help.");
            else if (value is null && ++i >= arguments.Count) _problems.Add($"{name} has no value. Give one after it.");
            else _values[name[2..]] = (value ?? arguments[i], name);
        }
    }

    /// <param name="environment">Reads a variable; null where it is not set.</param>
    /// <returns>The settings, or everything that is wrong.</returns>
    public static (SiloSettings? Settings, IReadOnlyList<string> Problems) Read(IReadOnlyList<string> arguments, Func<string, string?> environment)
    {
        var reader = new SettingsReader(arguments, environment);
        var settings = reader.Read();
        return reader._problems.Count == 0 ? (settings, []) : (null, reader._problems);
    }

    private SiloSettings Read()
    {
        var gateway = OneOf("role", "silo", "gateway") == "gateway";
        var hosts = Text("hosts").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (hosts.Length == 0 || hosts.Any(h => h is not ("shards" or "workers"))) Wrong("hosts", "shards, workers, or shards,workers");
        var postgres = OneOf("clustering", "localhost", "postgresql") == "postgresql";
        var settings = new SiloSettings
        {
            Gateway = gateway, Shards = !gateway && hosts.Contains("shards"), Workers = gateway || !hosts.Contains("workers") ? 0 : Number("workers", 1, 1024),
            Threads = Number("threads", 0, 1024), Device = Matching("device", DevicePattern(), "auto, cpu, ilgpu-cpu, gpu:N or opencl:N"),
            Name = Text("name") is { Length: > 0 } name ? name : Environment.MachineName,
            Cluster = Matching("cluster", IdPattern(), "1 to 150 letters, digits, dashes, dots and underscores"), Service = Matching("service", IdPattern(), "1 to 150 letters, digits, dashes, dots and underscores"),
            PostgreSql = postgres ? Connection() : "", Primary = Text("primary").Length > 0 ? Endpoint("primary") : null,
            Address = Ip("address"), SiloPort = Number("silo-port", 1, 65535), GatewayPort = Number("gateway-port", 0, 65535), LanePort = Number("lane-port", 0, 65535),
            HealthPort = Number("health-port", 0, 65535), HttpPort = Number("http-port", 0, 65535), HttpAddress = Ip("http-address"),
            HttpHosts = Text("http-hosts").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            Token = TextOrFile("token", "token-file"), Certificate = ThereIs("certificate"), CertificateKey = ThereIs("certificate-key"),
            Tls = Tls(), ClusterKey = Encoding.UTF8.GetBytes(TextOrFile("cluster-key", "cluster-key-file")),
            State = Path.GetFullPath(Text("state")), Data = Path.GetFullPath(Text("data") is { Length: > 0 } data ? data : "."),
            Drain = TimeSpan.FromSeconds(Number("drain-seconds", 1, 3600)), Probe = TimeSpan.FromSeconds(Number("probe-seconds", 1, 60)),
            Attached = OneOf("attached", "true", "false") == "true",
            Log = Enum.Parse<LogLevel>(OneOf("log", "debug", "information", "warning", "error"), ignoreCase: true),
        };
        Together(settings);
        return settings;
    }

    // What only shows when options are seen together.
    private void Together(SiloSettings settings)
    {
        if (settings.PostgreSql.Length > 0 && settings.Primary is not null) _problems.Add($"{From("primary")} is {settings.Primary}. With clustering postgresql there is no primary; leave it out.");
        if (settings.PostgreSql.Length == 0 && Text("clustering") != "postgresql" && !IPAddress.IsLoopback(settings.Address))
            _problems.Add($"{From("address")} is {settings.Address} and {From("clustering")} is localhost. Clustering localhost is for one machine; use --clustering postgresql, or a loopback address.");
        if (!IPAddress.IsLoopback(settings.Address) && settings.Trains && settings.ClusterKey.Length == 0)
            _problems.Add($"{From("address")} is {settings.Address} and no cluster key is set. Set --cluster-key-file to a file of at least 32 bytes that every silo has; make one with: head -c 32 /dev/urandom | base64");
        if (settings.ClusterKey.Length is > 0 and < 32) _problems.Add($"the cluster key has {settings.ClusterKey.Length} bytes. It must have at least 32.");
        if (!settings.Gateway) return;
        if (settings.Token.Length is > 0 and < 16) _problems.Add($"the token has {settings.Token.Length} characters. It must have at least 16.");
        if (settings.Certificate.Length > 0 != settings.CertificateKey.Length > 0) _problems.Add("only one of --certificate and --certificate-key is set. Set both, or neither.");
        if (IPAddress.IsLoopback(settings.HttpAddress)) return;
        if (settings.Token.Length == 0) _problems.Add($"{From("http-address")} is {settings.HttpAddress} and no token is set. Beyond loopback a token is needed: --token-file, or DISTTRAIN_TOKEN.");
        if (settings.Certificate.Length == 0) _problems.Add($"{From("http-address")} is {settings.HttpAddress} and no certificate is set. Beyond loopback TLS is needed: --certificate and --certificate-key.");
    }

    private SiloTls? Tls()
    {
        string[] names = ["cluster-certificate", "cluster-certificate-key", "cluster-authority"];
        if (names.All(n => Text(n).Length == 0)) return null;
        var before = _problems.Count;
        foreach (var name in names)
            if (Text(name).Length == 0) _problems.Add($"--{name} is not set. For TLS between silos set {string.Join(", ", names.Select(n => "--" + n))}, or none of them.");
            else ThereIs(name);
        if (_problems.Count > before) return null;
        try
        {
            return SiloTls.Read(Text(names[0]), Text(names[1]), Text(names[2]));
        }
        catch (Exception wrong) when (wrong is CryptographicException or IOException or UnauthorizedAccessException)
        {
            _problems.Add($"{From(names[0])}: {wrong.Message}");
            return null;
        }
    }

    private string Connection()
    {
        var connection = TextOrFile("postgresql", "postgresql-file");
        if (connection.Length == 0) _problems.Add($"{From("clustering")} is postgresql and there is no connection string. Set --postgresql-file or --postgresql, such as Host=db;Username=disttrain;Password=...;Database=disttrain");
        else if (WhyNot(connection) is { } why) _problems.Add($"{From(Text("postgresql-file").Length > 0 ? "postgresql-file" : "postgresql")} is no connection string of PostgreSQL: {why} It must be such as Host=db;Username=disttrain;Password=...;Database=disttrain (what is set is not shown, as it may hold a password).");
        return connection;
    }

    // Its own messages may repeat what was set, so they are not passed on.
    private static string? WhyNot(string connection)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connection).Host is { Length: > 0 } ? null : "it names no Host.";
        }
        catch (Exception wrong) when (wrong is ArgumentException or FormatException or OverflowException or InvalidCastException or KeyNotFoundException)
        {
            return "it is not a list of known KEY=VALUE pairs with semicolons between them.";
        }
    }

    private string Text(string name) => _values.TryGetValue(name, out var set) ? set.Value : Setting.All.First(s => s.Name == name).Default;

    private string From(string name) => _values.TryGetValue(name, out var set) ? set.From : $"--{name}";

    private void Wrong(string name, string must) => _problems.Add($"{From(name)} is \"{Text(name)}\". It must be {must}.");

    private string OneOf(string name, params string[] allowed)
    {
        if (!allowed.Contains(Text(name))) Wrong(name, string.Join(", ", allowed[..^1]) + " or " + allowed[^1]);
        return allowed.Contains(Text(name)) ? Text(name) : allowed[0];
    }

    private int Number(string name, int least, int most)
    {
        if (int.TryParse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most) return number;
        Wrong(name, $"a whole number from {least} to {most}");
        return least;
    }

    private string Matching(string name, Regex pattern, string must)
    {
        if (!pattern.IsMatch(Text(name))) Wrong(name, must);
        return Text(name);
    }

    private IPAddress Ip(string name)
    {
        if (IPAddress.TryParse(Text(name), out var address)) return address;
        Wrong(name, "an IP address, such as 10.0.0.5");
        return IPAddress.Loopback;
    }

    private IPEndPoint Endpoint(string name)
    {
        if (IPEndPoint.TryParse(Text(name), out var endpoint) && endpoint.Port > 0) return endpoint;
        Wrong(name, "an IP address and a port, such as 127.0.0.1:11111");
        return new IPEndPoint(IPAddress.Loopback, 1);
    }

    private string ThereIs(string name)
    {
        if (Text(name).Length > 0 && !File.Exists(Text(name))) Wrong(name, "a file that is there");
        return Text(name);
    }

    private string TextOrFile(string name, string file)
    {
        if (Text(file).Length == 0) return Text(name);
        if (Text(name).Length > 0) _problems.Add($"{From(name)} and {From(file)} are both set. Set one of them.");
        try
        {
            return File.ReadAllText(Text(file)).Trim();
        }
        catch (Exception unread) when (unread is IOException or UnauthorizedAccessException)
        {
            _problems.Add($"{From(file)} is \"{Text(file)}\". It must be a file that can be read: {unread.Message}");
            return "";
        }
    }

    [GeneratedRegex("^(auto|cpu|ilgpu-cpu|(gpu|opencl):[0-9]{1,3})$")]
    private static partial Regex DevicePattern();

    [GeneratedRegex("^[A-Za-z0-9._-]{1,150}$")]
    private static partial Regex IdPattern();
}
