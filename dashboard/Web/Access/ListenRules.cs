using System.Globalization;
using System.Net;

namespace DistTrain.Dashboard;

/// <summary>What may be listened on: loopback as it comes; anything wider only with a token and TLS.</summary>
public static class ListenRules
{
    private const int ShortestToken = 16;

    /// <summary>All that is wrong with the options, each with what to do; empty where they may be used.</summary>
    public static IReadOnlyList<string> Problems(DashboardOptions options)
    {
        var problems = new List<string>();
        var at = Parse(options.Listen);
        if (at is null) problems.Add($"listen is \"{options.Listen}\". It must be an address and a port, such as 127.0.0.1:7070, [::1]:7070 or 0.0.0.0:7070.");
        problems.AddRange(AccessProblems(options, at is null ? [] : [at.Address]));
        return problems;
    }

    /// <summary>The same for a host that listens on addresses of its own; pass whether it serves TLS itself through <see cref="DashboardOptions.TlsEndsInFront"/>.</summary>
    public static IReadOnlyList<string> AccessProblems(DashboardOptions options, IReadOnlyList<IPAddress> addresses)
    {
        var problems = new List<string>();
        var wide = addresses.FirstOrDefault(a => !IPAddress.IsLoopback(a));
        if (options.Token.Length > 0 && options.Token.Length < ShortestToken) problems.Add($"the token has {options.Token.Length} characters. It must have at least {ShortestToken}; make one with: openssl rand -base64 32");
        if (options.Token.Any(c => c is <= ' ' or > '~')) problems.Add("the token has a space or a character beyond ASCII. A header cannot carry it; use letters, digits, - and _.");
        if (options.CertificateFile.Length > 0 != options.KeyFile.Length > 0) problems.Add("only one of certificate and key is set. TLS needs both PEM files.");
        foreach (var file in new[] { options.CertificateFile, options.KeyFile }.Where(f => f.Length > 0 && !File.Exists(f))) problems.Add($"{file} is not there. Name the PEM file of the certificate and of its key.");
        if (wide is null) return problems;
        if (!options.RequireToken) problems.Add($"listen is {wide}, which others can reach, and no token is asked for. Ask for one, or listen on 127.0.0.1.");
        if (options.CertificateFile.Length == 0 && !options.TlsEndsInFront)
            problems.Add($"listen is {wide}, which others can reach, without TLS: token and data would be read on the way. Set certificate and key (--certificate, --key), or say that TLS ends at a proxy in front (--behind-tls), or listen on 127.0.0.1.");
        return problems;
    }

    /// <summary>Address and port, or null; "localhost" is loopback, "*" every address.</summary>
    public static IPEndPoint? Parse(string listen)
    {
        var colon = listen.LastIndexOf(':');
        if (colon < 0 || !ushort.TryParse(listen.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return null;
        var host = listen[..colon];
        if (host == "localhost") return new IPEndPoint(IPAddress.Loopback, port);
        if (host is "*" or "+") return new IPEndPoint(IPAddress.Any, port);
        if (host.Contains(':', StringComparison.Ordinal) && !host.StartsWith('[')) return null;
        return IPAddress.TryParse(host.Trim('[', ']'), out var address) ? new IPEndPoint(address, port) : null;
    }
}
