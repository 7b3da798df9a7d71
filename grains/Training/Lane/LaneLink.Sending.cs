using System.Diagnostics;
using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Training;

public sealed unsafe partial class LaneLink
{
    // What is checksummed is still in a cache when the system copies it.
    private const int SentBytes = 2 << 20;

    private readonly Queue<Outgoing> _control = new();
    private readonly Stack<Outgoing> _spare = new();
    private readonly List<LaneStream> _sending = [];
    private long _controlBytes;
    private int _turn;
    private Outgoing? _current;

    // Head, control and checksum of the frame that is being sent; a thread that has the sender's part uses it: the link's own, or one that sends its own message.
    private byte* _staging;
    private bool _sendingHere;

    private void WriteAll()
    {
        lock (_gate) _staging = (byte*)NativeMemory.AlignedAlloc(LaneFrame.HeadBytes + LaneFrame.MaxControlBytes + LaneFrame.TrailerBytes, 64);
        try
        {
            while (Next() is { } frame)
            {
                Send(frame, _staging);
                Done(frame);
            }
        }
        catch (Exception e) when (IsWireEnd(e))
        {
            Close($"node {Node} cannot be reached: {e.Message}");
        }
        catch (Exception e)
        {
            Close($"sending to node {Node} failed: {e}");
        }
        finally
        {
            lock (_gate)
            {
                while (_sendingHere) Monitor.Wait(_gate);
                NativeMemory.AlignedFree(_staging);
                _staging = null;
                if (_current is { } current) Recycle(current);
                _current = null;
                while (_control.TryDequeue(out var frame)) Recycle(frame);
            }
        }
    }

    private Outgoing? Next()
    {
        lock (_gate)
        {
            while (_end is null)
            {
                if (!_sendingHere && TakeNext() is { } frame) return frame;
                Monitor.Wait(_gate);
            }
            return null;
        }
    }

    // Under the gate, with the sender's part. null: nothing can be sent now.
    private Outgoing? TakeNext()
    {
        if (_end is not null) return null;
        if (!_control.TryDequeue(out var frame)) return _current = NextPart();
        _controlBytes -= frame.ControlBytes + LaneFrame.HeadBytes;
        if (frame.Kind == LaneFrameKind.Credit) (frame.Count, frame.Stream!.Traffic.Owed, frame.Stream.Traffic.Owing) = (frame.Stream.Traffic.Owed, 0, false);
        return _current = frame;
    }

    // Streams take turns, frame by frame; nodes that a step waits for go first.
    private Outgoing? NextPart()
    {
        for (var i = 0; i < _sending.Count; i++)
            if (TryTake(_sending[(_turn + i) % _sending.Count].Traffic, lowest: true) is { } message) return Turn(i, message);
        for (var i = 0; i < _sending.Count; i++)
            if (TryTake(_sending[(_turn + i) % _sending.Count].Traffic, lowest: false) is { } message) return Turn(i, message);
        return null;
    }

    private Outgoing Turn(int i, Outgoing message)
    {
        _turn = (_turn + i + 1) % _sending.Count;
        return message;
    }

    private static Outgoing? TryTake(StreamTraffic traffic, bool lowest)
    {
        if (!(lowest ? traffic.Lowest : traffic.Waiting).TryPeek(out var message)) return null;
        if (message.Credited) return message;
        if (traffic.Credits is { } credits && credits.TryTake(lowest))
        {
            (message.Credited, traffic.StarvedSince) = (true, 0);
            return message;
        }
        if (traffic.StarvedSince == 0) traffic.StarvedSince = Stopwatch.GetTimestamp();
        return null;
    }

    private void Done(Outgoing frame)
    {
        lock (_gate)
        {
            _current = null;
            if (frame.MessageBytes == 0 || frame.Dropped) Recycle(frame);
            else if (frame.IsGone)
            {
                var traffic = frame.Stream!.Traffic;
                if (traffic.Lowest.TryPeek(out var first) && first == frame) traffic.Lowest.Dequeue();
                else traffic.Waiting.Dequeue();
                if (traffic.Lowest.Count + traffic.Waiting.Count == 0) _sending.Remove(frame.Stream);
                Recycle(frame);
            }
            if (_leaving && _control.Count == 0) Monitor.PulseAll(_gate);
        }
    }

    private void Send(Outgoing message, byte* staging)
    {
        var head = new Span<byte>(staging, LaneFrame.HeadBytes);
        var first = message.Sent == 0;
        var control = first ? message.Control : [];
        var controlStart = staging + LaneFrame.HeadBytes;
        control.CopyTo(new Span<byte>(controlStart, control.Length));
        var bytes = Math.Min(message.MessageBytes - message.Sent, LaneFrame.MaxPayloadBytes);
        new LaneFrame(first ? message.Kind : LaneFrameKind.Part, message.Stream?.Number ?? 0, message.Number, control.Length, bytes, message.MessageBytes, message.Sent, message.Count,
            Crc32C.Of(control)).Write(head);

        Span<Segment> segments = stackalloc Segment[MaxPieces + 2];
        segments[0] = new Segment(staging, (nuint)(LaneFrame.HeadBytes + control.Length));
        var (count, crc, left) = (1, 0u, bytes);
        var whole = Math.Max(1, SentBytes / _wire.SegmentBytes) * _wire.SegmentBytes;
        for (var room = whole - LaneFrame.HeadBytes - control.Length; left > 0; room = whole)
        {
            // Whole segments of the network, but no little end: a packet costs as much for a few bytes as for all it can hold.
            var piece = left - room <= whole / 4 ? left : room;
            var added = message.Gather(piece, segments[count..]);
            foreach (var segment in segments.Slice(count, added)) crc = Crc32C.Append(crc, segment.AsSpan());
            count += added;
            (message.Sent, left) = (message.Sent + piece, left - piece);
            if (left == 0)
            {
                var trailer = controlStart + control.Length;
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(trailer, 4), crc);
                segments[count++] = new Segment(trailer, LaneFrame.TrailerBytes);
            }
            _wire.Send(segments[..count]);
            count = 0;
        }
        if (count > 0) _wire.Send(segments[..count]);
        Interlocked.Add(ref _sent, LaneFrame.HeadBytes + control.Length + bytes + (bytes > 0 ? LaneFrame.TrailerBytes : 0));
    }
}
