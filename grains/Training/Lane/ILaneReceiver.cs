using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>What a node does with what the lane brings. Calls of one link come one after another from that link's thread, which reads nothing meanwhile: hand over and return.</summary>
public interface ILaneReceiver
{
    /// <summary>Another node opens a stream; its token for <see cref="LaneStream.Job"/> is good.</summary>
    /// <param name="greeting">What the opener said with it.</param>
    /// <returns>Why it is refused; null where it is taken, and messages may come and be posted from now on.</returns>
    string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting);

    /// <summary>A message with payload begins to arrive: where its payload goes, so that it is read straight there.</summary>
    /// <param name="places">At most <see cref="LaneMessage.MaxPlaces"/>, one after the other, exactly <paramref name="payloadBytes"/> in all; theirs alone until the message is received or the stream is closed.</param>
    /// <returns>How many places; 0: into rented memory.</returns>
    /// <exception cref="LaneFormatException">It cannot be meant: the link ends.</exception>
    int PlacesFor(LaneStream stream, ReadOnlySpan<byte> control, int payloadBytes, Span<View> places) => 0;

    /// <summary>A message came whole and undamaged. Dispose of it when its payload is no longer needed: that returns buffer and credit.</summary>
    void Received(LaneStream stream, LaneMessage message);

    /// <summary>The other side closed the stream, or its link ended; the last call for this stream. Not called for a <see cref="LaneStream.Close"/> of one's own.</summary>
    void Closed(LaneStream stream, string why);
}
