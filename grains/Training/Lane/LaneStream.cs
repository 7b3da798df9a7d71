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

    internal StreamTraffic Traffic { get; } = new();

    /// <summary>Sends control bytes alone; they are copied.</summary>
    /// <returns>False where the stream is closed: nothing is sent.</returns>
    public bool Post(ReadOnlySpan<byte> control) => _link.Post(this, control, [], null, false);

    /// <summary>Sends a message and returns before it is gone.</summary>
    /// <param name="control">Copied now.</param>
    /// <param name="payload">Read later: unchanged until <paramref name="owner"/> is disposed of.</param>
    /// <param name="owner">Disposed of when the payload is sent, or is never sent; also where this returns false. It must not throw, nor wait. null: the payload outlives the stream.</param>
    /// <param name="lowestMissing">The sender's lowest node that is still missing: it may take the last credit, and goes before others.</param>
    /// <returns>False where the stream is closed: nothing is sent.</returns>
    public bool Post(ReadOnlySpan<byte> control, View payload, IDisposable? owner, bool lowestMissing = false) => _link.Post(this, control, [payload], owner, lowestMissing);

    /// <summary>The same for a payload in up to 16 pieces, which arrive as one.</summary>
    public bool Post(ReadOnlySpan<byte> control, ReadOnlySpan<View> payload, IDisposable? owner, bool lowestMissing = false) => _link.Post(this, control, payload, owner, lowestMissing);

    /// <summary>Sends a message by the calling thread, where no other is just sending on this link: sooner than posting by the time that a thread takes to wake. It may wait for the other side.</summary>
    /// <param name="payload">Unchanged until an answer to the message is here, or the stream is closed.</param>
    /// <returns>False where the stream is closed: nothing is sent.</returns>
    public bool Send(ReadOnlySpan<byte> control, ReadOnlySpan<View> payload) => _link.Send(this, control, payload);

    /// <summary>Tells the other side that it is over, and why. What is posted and not yet sent is dropped.</summary>
    public void Close(string why) => _link.Close(this, why);

    internal void ReturnCredit() => _link.ReturnCredit(this);
}

/// <summary>Where a stream stands. The link's gate guards it, but for what its reading thread alone uses.</summary>
internal sealed class StreamTraffic
{
    public StreamPhase Phase { get; set; } = StreamPhase.Opening;

    /// <summary>What the other side granted; null before it has.</summary>
    public CreditWindow? Credits { get; set; }

    /// <summary>Credits that we shall give back with the next Credit frame.</summary>
    public int Owed { get; set; }

    /// <summary>That frame is queued.</summary>
    public bool Owing { get; set; }

    /// <summary>What is posted before our answer to an Open; null once it is answered.</summary>
    public Queue<Outgoing>? Early { get; set; }

    /// <summary>Messages with payload that wait for credit or are being sent; the first may be half sent.</summary>
    public Queue<Outgoing> Waiting { get; } = new();

    /// <summary>The same for nodes that a step waits for.</summary>
    public Queue<Outgoing> Lowest { get; } = new();

    public uint LastNumber { get; set; }

    /// <summary>Since when a message waits for a credit; 0 = none waits.</summary>
    public long StarvedSince { get; set; }

    /// <summary>Why it is refused or closed.</summary>
    public string Why { get; set; } = "";

    /// <summary>Set when an Open is answered.</summary>
    public ManualResetEventSlim Answered { get; } = new();

    /// <summary>Credits that the other side still has; interlocked.</summary>
    public int Granted;

    /// <summary>Reading thread: messages whose payload is not complete, by number.</summary>
    public Dictionary<uint, Arriving> Arriving { get; } = [];
}

internal enum StreamPhase
{
    /// <summary>We have asked and are not answered.</summary>
    Opening,
    Open,
    Closed,
}

/// <summary>A message whose payload is not complete.</summary>
internal sealed record Arriving(LaneMessage Message)
{
    public int Bytes { get; set; }
}
