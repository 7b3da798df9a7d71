using System.Net;
using Microsoft.Extensions.Logging;

namespace DistTrain.Silo;

/// <summary>How one silo process runs: every option, read and checked.</summary>
internal sealed record SiloSettings
{
    public bool Gateway { get; init; }
    public bool Shards { get; init; }
    public int Workers { get; init; }
    public int Threads { get; init; }
    public string Device { get; init; } = "auto";
    public string Name { get; init; } = "";
    public string Cluster { get; init; } = "";
    public string Service { get; init; } = "";

    /// <summary>Empty: clustering on this machine alone.</summary>
    public string PostgreSql { get; init; } = "";

    /// <summary>Clustering on this machine: who holds the membership; null = this silo.</summary>
    public IPEndPoint? Primary { get; init; }
    public IPAddress Address { get; init; } = IPAddress.Loopback;
    public int SiloPort { get; init; }
    public int GatewayPort { get; init; }
    public int LanePort { get; init; }
    public int HealthPort { get; init; }
    public int HttpPort { get; init; }
    public IPAddress HttpAddress { get; init; } = IPAddress.Loopback;
    public IReadOnlyList<string> HttpHosts { get; init; } = [];
    public string Token { get; init; } = "";
    public string Certificate { get; init; } = "";
    public string CertificateKey { get; init; } = "";

    /// <summary>Of Orleans' connections; null: they are not encrypted.</summary>
    public SiloTls? Tls { get; init; }
    public byte[] ClusterKey { get; init; } = [];
    public string State { get; init; } = "";
    public string Data { get; init; } = "";
    public TimeSpan Drain { get; init; }
    public TimeSpan Probe { get; init; }

    /// <summary>It ends when its standard input closes: the process that started it is gone.</summary>
    public bool Attached { get; init; }
    public LogLevel Log { get; init; }

    /// <summary>It does something of a job itself.</summary>
    public bool Trains => !Gateway;
}
