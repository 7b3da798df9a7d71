namespace DistTrain.Client;

/// <summary>What has become of the connection to a server.</summary>
public enum ConnectionState
{
    /// <summary>A request has not been answered for a while, and is waited for.</summary>
    Slow,

    /// <summary>It is gone, and is tried again.</summary>
    Lost,

    /// <summary>It is there again.</summary>
    Back,
}

/// <summary>Told when a connection is lost, comes back, or takes long, so that a program that waits can say for what.</summary>
/// <param name="Why">One sentence on the cause; empty for <see cref="ConnectionState.Back"/>.</param>
/// <param name="For">How long so far: without an answer, or without the connection.</param>
/// <param name="Limit">After how long altogether it is given up.</param>
public sealed record ConnectionNews(Uri Server, ConnectionState State, string Why, TimeSpan For, TimeSpan Limit);
