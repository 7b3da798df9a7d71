using System.Net;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>How a node takes part in the lane between nodes.</summary>
/// <param name="Name">Of this node: unique in the cluster, at most 256 bytes of UTF-8.</param>
/// <param name="ClusterKey">Shared by all nodes of the cluster; at least 16 bytes. It signs the tokens of nodes and jobs and is never sent.</param>
/// <param name="Device">The CPU device that arriving payloads are views of.</param>
public sealed record LanePeerOptions(string Name, byte[] ClusterKey, Device Device)
{
    /// <summary>Where the node listens; port 0 takes a free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>How long the other side may take to greet, to answer an Open, to take bytes or to give a credit back.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A link that nothing was heard from for so long is closed. Every side says that it lives four times a second.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Payload messages of one stream that the other side may have under way to us: sent and not yet disposed of or detached. At least 2.</summary>
    public int Credits { get; init; } = 16;

    /// <summary>Longest payload of one message, in bytes, unless the stream says otherwise: <see cref="LaneStream.MaxPayloadBytes"/>.</summary>
    public int MaxPayloadBytes { get; init; } = 256 << 20;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
