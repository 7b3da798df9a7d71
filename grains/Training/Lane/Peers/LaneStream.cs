using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>One job's way between two nodes, both directions. Messages go over whole or not at all; their order is not promised, since small ones overtake long ones. From any thread.</summary>
public sealed class LaneStream
{
    private readonly LaneLink _link;

    internal LaneStream(LaneLink link, uint number, string job, int maxPayloadBytes) => (_link, Number, Job, MaxPayloadBytes) = (link, number, job, maxPayloadBytes);

    public string Job { get; }

    public LaneLink Link => _link;

    /// <summary>Name of the node at the other end.</summary>
    public string Node => _link.Node;

    /// <summary>Longest payload that is taken from the other side, in bytes; more closes the link before anything is allocated. Set while opening.</summary>
    public int MaxPayloadBytes { get; set; }

    /// <summary>Whatever the receiver wants to find again with it.</summary>
    public object? Tag { get; set; }

    public bool IsOpen => _link.IsOpen(this);

    internal uint Number { get; }

    /// <summary>Sends control bytes alone; they are copied.</summary>
    /// <returns>False where the stream is closed: nothing is sent.</returns>
    public bool Post(ReadOnlySpan<byte> control) => _link.Post(this, control, [], null, false);

    /// <summary>Sends a message and returns before it is gone.</summary>
    /// <param name="control">Copied now.</param>
    /// <param name="payload">Read later: unchanged until <paramref name="owner"/> is disposed of.</param>
    /// <param name="owner">Disposed of when the payload is sent, or is never sent; also where this returns false. null: the payload outlives the stream.</param>
    /// <param name="lowestMissing">The sender's lowest node that is still missing: it may take the last credit.</param>
    /// <returns>False where the stream is closed: nothing is sent.</returns>
    public bool Post(ReadOnlySpan<byte> control, View payload, IDisposable? owner, bool lowestMissing = false) => _link.Post(this, control, [payload], owner, lowestMissing);

    /// <summary>The same for a payload in several pieces, which arrive as one.</summary>
    public bool Post(ReadOnlySpan<byte> control, ReadOnlySpan<View> payload, IDisposable? owner, bool lowestMissing = false) => _link.Post(this, control, payload, owner, lowestMissing);

    /// <summary>Tells the other side that it is over, and why. What is posted and not yet sent is dropped.</summary>
    public void Close(string why) => _link.Close(this, why);

    internal void ReturnCredit() => _link.ReturnCredit(this);
}
