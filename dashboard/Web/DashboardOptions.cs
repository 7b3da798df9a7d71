using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace DistTrain.Dashboard;

/// <summary>How the HTTP API and the page are served.</summary>
public sealed class DashboardOptions
{
    /// <summary>Address and port: "127.0.0.1:0" (any free port), "[::1]:7070", "0.0.0.0:7070" (the whole network). Used by <see cref="DashboardServer"/>; a host with its own Kestrel leaves it.</summary>
    public string Listen { get; set; } = "127.0.0.1:0";

    /// <summary>What every request must show as <c>Authorization: Bearer</c>; empty = a random one is made. At least 16 characters.</summary>
    public string Token { get; set; } = "";

    /// <summary>Off only for tests and on loopback.</summary>
    public bool RequireToken { get; set; } = true;

    /// <summary>PEM file of the certificate (chain); empty = plain HTTP, on loopback only.</summary>
    public string CertificateFile { get; set; } = "";

    /// <summary>PEM file of the certificate's key.</summary>
    public string KeyFile { get; set; } = "";

    /// <summary>TLS ends at a proxy in front (an ingress): plain HTTP beyond loopback is meant.</summary>
    public bool TlsEndsInFront { get; set; }

    /// <summary>Host names beside loopback's and the listen address under which it is reached; "*" = any. What is not named is refused, so that a page of another site cannot reach it by a name of its own (DNS rebinding).</summary>
    public IList<string> Hosts { get; } = [];

    /// <summary>Largest body of a request; a job spec is at most 1 MiB.</summary>
    public long MaxRequestBytes { get; set; } = 2 << 20;

    /// <summary>How long an event stream may be silent before it says a word.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a request waits for the cluster before it is answered with 504.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The line under the page's title: "embedded", "cluster production".</summary>
    public string Title { get; set; } = "";

    /// <summary>Where <see cref="DashboardServer"/> says what failed that nobody thought of; null = nowhere. A host of its own has its own log.</summary>
    public ILoggerFactory? Log { get; set; }

    /// <summary>256 random bits in URL-safe base 64.</summary>
    public static string NewToken() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
