using System.Net;

namespace DistTrain.Training;

/// <summary>A node's end of the lane between nodes: it takes links and makes them. A link is one connection, greeted with the cluster's key on both sides; the streams of any number of jobs share it.</summary>
public sealed class LanePeer : IDisposable
{
    public LanePeer(LanePeerOptions options, ILaneReceiver receiver)
    {
        Pool = new LanePool(options.Device);
        _ = receiver;
        Endpoint = options.Listen;
    }

    /// <summary>Where the node listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Buffers for payloads to send, and those of arriving messages.</summary>
    public LanePool Pool { get; }

    /// <summary>The right to open a stream of a job, until <paramref name="expiry"/>.</summary>
    public byte[] TokenFor(string job, DateTimeOffset expiry) => throw new IOException($"{job} {expiry}");

    /// <summary>Connects to another node; answers with the link that is there already, where there is one to that node. Blocks for at most the patience.</summary>
    /// <exception cref="LaneLostException">Nobody answers in time, or not that node.</exception>
    public LaneLink Connect(IPEndPoint endpoint, string node) => throw new LaneLostException($"{endpoint} {node}");

    public void Dispose() => Pool.Dispose();
}
