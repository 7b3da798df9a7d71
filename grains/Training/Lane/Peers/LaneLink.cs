using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A link or stream that could not be made, or is over.</summary>
public sealed class LaneLostException(string message, Exception? cause = null) : IOException(message, cause);

/// <summary>One connection between two nodes, with the streams of their jobs. From any thread.</summary>
public sealed class LaneLink
{
    /// <summary>Name of the node at the other end.</summary>
    public string Node { get; } = "";

    /// <summary>Why the link is over; null while it stands.</summary>
    public string? End { get; }

    /// <summary>Opens a stream and waits for the answer, for at most the patience. Messages may reach the receiver before this returns: they wait for nobody.</summary>
    /// <param name="tag">The stream's <see cref="LaneStream.Tag"/>.</param>
    /// <param name="maxPayloadBytes">The stream's <see cref="LaneStream.MaxPayloadBytes"/>; 0 = as the peer has it.</param>
    /// <exception cref="LaneLostException">Refused, with the other side's reason; or no answer; or the link is over.</exception>
    public LaneStream Open(string job, ReadOnlySpan<byte> token, ReadOnlySpan<byte> greeting, object? tag = null, int maxPayloadBytes = 0) => throw new LaneLostException(job);

    /// <summary>Ends the link and with it all its streams.</summary>
    public void Close(string why) => _ = why;

    internal bool IsOpen(LaneStream stream) => stream.Link == this && End is null;

    internal bool Post(LaneStream stream, ReadOnlySpan<byte> control, ReadOnlySpan<View> payload, IDisposable? owner, bool lowestMissing) => throw new LaneLostException(stream.Job);

    internal void Close(LaneStream stream, string why) => _ = (stream, why);

    internal void ReturnCredit(LaneStream stream) => _ = stream;
}
