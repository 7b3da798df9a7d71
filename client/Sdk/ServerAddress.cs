using DistTrain.Contracts;

namespace DistTrain.Client;

/// <summary>Reads what people give for a server: an address, an address without its scheme, or the link that a server printed.</summary>
public static class ServerAddress
{
    /// <exception cref="ClusterException">It is none of them (<see cref="ClusterError.Invalid"/>).</exception>
    public static Uri Parse(string text)
    {
        var given = text.Trim();
        if (Uri.TryCreate(given.Contains("://", StringComparison.Ordinal) ? given : $"http://{given}", UriKind.Absolute, out var server) && server.Scheme is "http" or "https" && server.Host.Length > 0) return server;
        throw new ClusterException(ClusterError.Invalid, $"the server is \"{text}\". It must be an address such as https://gateway:7070, or the link that a server printed.");
    }
}
