using System.Net;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>How a node takes part in the lane between nodes.</summary>
/// <param name="Name">Of this node: unique in the cluster, at most 128 bytes of UTF-8.</param>
/// <param name="ClusterKey">Shared by all nodes of the cluster; at least 16 bytes. It signs the tokens of nodes and jobs and is never sent.</param>
/// <param name="Device">The CPU device that arriving payloads are views of.</param>
public sealed record LanePeerOptions(string Name, byte[] ClusterKey, Device Device)
{
    /// <summary>Where the node listens; port 0 takes a free one; null: nobody connects to it, it connects to others.</summary>
    public IPEndPoint? Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>When links are encrypted; both sides must agree.</summary>
    public LaneEncryption Encryption { get; init; } = LaneEncryption.BeyondLoopback;

    /// <summary>For encrypted links; null: the node makes one for itself.</summary>
    public LaneCertificate? Certificate { get; init; }

    /// <summary>How long the other side may take to greet, to answer an Open or to take bytes.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A stream on which a message has waited so long for a credit is closed.</summary>
    public TimeSpan CreditPatience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A link that nothing was heard from for so long is closed. Every side says that it lives four times a second.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Payload messages of one stream that the other side may have under way to us: sent and not yet disposed of or detached. At least 2.</summary>
    public int Credits { get; init; } = 16;

    /// <summary>Longest payload of one message, in bytes, unless the stream says otherwise: <see cref="LaneStream.MaxPayloadBytes"/>.</summary>
    public int MaxPayloadBytes { get; init; } = 256 << 20;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Whether a link to or at this address is encrypted.</summary>
    internal bool Encrypts(IPAddress address) => Encryption == LaneEncryption.Always || !IPAddress.IsLoopback(address);

    internal void Check()
    {
        var problems = new List<string>();
        var nameBytes = Encoding.UTF8.GetByteCount(Name);
        if (nameBytes is 0 or > LaneGreeting.MaxNameBytes) problems.Add($"the node's name has {nameBytes} bytes. It must have 1 to {LaneGreeting.MaxNameBytes}.");
        if (ClusterKey.Length < MinKeyBytes) problems.Add($"the cluster key has {ClusterKey.Length} bytes. It must have at least {MinKeyBytes}; 32 random bytes are good.");
        if (Credits is < 2 or > 1 << 16) problems.Add($"credits is {Credits}. It must be 2 to {1 << 16}: one is kept for the lowest missing node.");
        if (MaxPayloadBytes < 1) problems.Add($"maxPayloadBytes is {MaxPayloadBytes}. It must be 1 or more.");
        foreach (var (what, time) in new[] { ("patience", Patience), ("creditPatience", CreditPatience), ("silence", Silence) })
            if (time < TimeSpan.FromMilliseconds(1) || time > TimeSpan.FromDays(1)) problems.Add($"{what} is {time}. It must be 1 ms to a day.");
        if (Encryption == LaneEncryption.Never && Listen is { } listen && !IPAddress.IsLoopback(listen.Address))
            problems.Add($"encryption is Never and the node listens on {listen.Address}. A plain lane is for loopback only: leave encryption at BeyondLoopback, which needs no certificate, or listen on 127.0.0.1.");
        if (Certificate is { Certificate.HasPrivateKey: false }) problems.Add("the certificate has no private key. Give it with its key.");
        if (problems.Count > 0) throw new ArgumentException("a lane peer cannot be made so: " + string.Join(" ", problems));
    }

    private const int MinKeyBytes = 16;
}
