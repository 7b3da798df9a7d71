using System.Net.Sockets;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>Before a silo is declared dead because one other has lost its connection to it: whether anybody still reaches its process.</summary>
internal static class Witnesses
{
    /// <summary>How long anybody is waited for.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <summary>Whether a silo accepts a connection where it listens for other silos.</summary>
    public static async Task<bool> AcceptsAsync(SiloAddress silo)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var socket = new Socket(silo.Endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(silo.Endpoint, limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception closed) when (closed is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Dead is what this silo does not reach, of the others at least one does not reach, and none does. Whoever does not answer in time says nothing; where there are no others, one's own word is enough.</summary>
    public static async Task<bool> AgreeAsync(Func<Task<bool>> reached, IReadOnlyList<Func<Task<bool>>> others)
    {
        if (await reached().ConfigureAwait(false)) return false;
        if (others.Count == 0) return true;
        var words = await Task.WhenAll(others.Select(WordAsync)).ConfigureAwait(false);
        return words.Contains(false) && !words.Contains(true);
    }

    private static async Task<bool?> WordAsync(Func<Task<bool>> ask)
    {
        try
        {
            // A witness waits as long for the silo as it is waited for itself.
            return await ask().WaitAsync(2 * Limit).ConfigureAwait(false);
        }
        catch (Exception silent) when (silent is not OutOfMemoryException)
        {
            return null;
        }
    }
}
