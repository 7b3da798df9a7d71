using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Training;

public sealed unsafe partial class LaneLink
{
    // What has just been copied is still in the core's cache when it is checksummed.
    private const int PieceBytes = 256 << 10;

    // Checksum, next head and control part come with one call of the system, and with a little of the payload, which is copied.
    private const int AheadBytes = 1024;

    private readonly byte[] _skipped = new byte[16 << 10];
    private readonly View[] _places = new View[LaneMessage.MaxPlaces];
    private readonly byte[] _ahead = new byte[AheadBytes];
    private int _aheadStart;
    private int _aheadEnd;

    private void ReadAll()
    {
        var staging = (byte*)NativeMemory.AlignedAlloc(LaneFrame.MaxControlBytes, 64);
        try
        {
            while (ReadFrame(staging)) { }
            Close($"node {Node} closed its connection");
        }
        catch (LaneFormatException e)
        {
            Close($"node {Node} sent what is no frame: {e.Message}");
        }
        catch (Exception e) when (IsWireEnd(e))
        {
            Close($"node {Node} is gone: {e.Message}");
        }
        catch (Exception e)
        {
            Close($"what node {Node} sent could not be taken: {e}");
        }
        finally
        {
            NativeMemory.AlignedFree(staging);
            _writing.Join();
            _wire.Dispose();
            EndStreams();
            _peer.Ended(this);
        }
    }

    private void EndStreams()
    {
        LaneStream[] streams;
        lock (_gate) streams = [.. _streams.Values];
        foreach (var stream in streams)
        {
            bool told;
            lock (_gate) told = stream.Traffic.Phase == StreamPhase.Open & TryEnd(stream, _end!);
            DropArriving(stream);
            if (!told) continue;
            lock (_calls) _peer.Receiver.Closed(stream, _end!);
        }
    }

    private bool ReadFrame(byte* staging)
    {
        Span<byte> head = stackalloc byte[LaneFrame.HeadBytes];
        var received = ReceiveSome(head);
        if (received == 0) return false;
        ReceiveAll(head[received..], "head");
        var frame = LaneFrame.Read(head);
        var control = new Span<byte>(staging, frame.ControlBytes);
        ReceiveAll(control, "control");
        if (Crc32C.Of(control) != frame.ControlCrc) throw new LaneFormatException($"the control part of a {frame.Kind} frame does not have the checksum that its head says: it was damaged on the way.");
        LaneStream? stream;
        lock (_gate) _streams.TryGetValue(frame.Stream, out stream);
        switch (frame.Kind)
        {
            case LaneFrameKind.Alive:
                break;
            case LaneFrameKind.Goodbye:
                Close($"node {Node} leaves: {Encoding.UTF8.GetString(control)}");
                return false;
            case LaneFrameKind.Open:
                Answer(frame, control);
                break;
            case LaneFrameKind.Message or LaneFrameKind.Part when stream is null:
                // Closed here while it was on its way.
                Skip(frame.PayloadBytes);
                break;
            case LaneFrameKind.Message:
                Begin(stream!, frame, control);
                break;
            case LaneFrameKind.Part:
                Continue(stream!, frame);
                break;
            case LaneFrameKind.Opened or LaneFrameKind.Closed or LaneFrameKind.Credit when stream is null:
                break;
            case LaneFrameKind.Opened:
                Opened(stream!, frame.Count);
                break;
            case LaneFrameKind.Closed:
                ClosedThere(stream!, Encoding.UTF8.GetString(control));
                break;
            case LaneFrameKind.Credit:
                Credit(stream!, frame.Count);
                break;
            default:
                throw new LaneFormatException($"a {frame.Kind} frame comes on a link that is greeted already.");
        }
        return true;
    }

    private void Answer(in LaneFrame frame, ReadOnlySpan<byte> control)
    {
        OpenFrame.Read(control, out var job, out var token, out var greeting);
        if (frame.Stream == 0 || (frame.Stream & 1) == (_lastStream & 1)) throw new LaneFormatException($"a stream is opened under number {frame.Stream}, which is this side's to give.");
        var credits = new CreditWindow(frame.Count);
        var stream = new LaneStream(this, frame.Stream, job, _peer.Options.MaxPayloadBytes);
        stream.Traffic.Granted = _peer.Options.Credits;
        var refusal = LaneToken.Refusal(_peer.Options.ClusterKey, job, token, _peer.Options.Time.GetUtcNow());
        lock (_gate)
        {
            if (refusal is null && _streams.Count >= MaxStreams) refusal = $"the link has {MaxStreams} streams already.";
            if (refusal is null && !_streams.TryAdd(frame.Stream, stream)) throw new LaneFormatException($"stream {frame.Stream} is opened twice.");
            // What is posted while the receiver looks at it follows our answer, or is dropped with a refusal.
            (stream.Traffic.Phase, stream.Traffic.Early) = (StreamPhase.Open, new());
        }
        if (refusal is null)
            lock (_calls) refusal = _peer.Receiver.Opening(stream, greeting);
        lock (_gate)
        {
            if (refusal is not null)
            {
                TryEnd(stream, refusal);
                Queue(LaneFrameKind.Closed, stream, Text(refusal));
                return;
            }
            if (stream.Traffic.Phase == StreamPhase.Closed) return;
            stream.Traffic.Credits = credits;
            Queue(LaneFrameKind.Opened, stream, [], _peer.Options.Credits);
            while (stream.Traffic.Early!.TryDequeue(out var early)) QueueControl(early);
            stream.Traffic.Early = null;
        }
    }

    private void Opened(LaneStream stream, int credits)
    {
        lock (_gate)
        {
            if (stream.Traffic.Phase != StreamPhase.Opening) throw new LaneFormatException($"stream {stream.Number} is answered twice.");
            (stream.Traffic.Phase, stream.Traffic.Credits) = (StreamPhase.Open, new CreditWindow(credits));
            stream.Traffic.Answered.Set();
        }
    }

    private void ClosedThere(LaneStream stream, string why)
    {
        bool told;
        lock (_gate) told = stream.Traffic.Phase == StreamPhase.Open & TryEnd(stream, why);
        DropArriving(stream);
        if (!told) return;
        lock (_calls) _peer.Receiver.Closed(stream, why);
    }

    private void Credit(LaneStream stream, int count)
    {
        if (count < 1) throw new LaneFormatException($"{count} credits come back. It must be 1 or more.");
        lock (_gate)
        {
            var credits = stream.Traffic.Credits ?? throw new LaneFormatException("a credit comes back on a stream that has none yet.");
            for (var i = 0; i < count; i++) credits.Return();
            Monitor.Pulse(_gate);
        }
    }

    private void Begin(LaneStream stream, in LaneFrame frame, ReadOnlySpan<byte> control)
    {
        if (frame.MessageBytes > stream.MaxPayloadBytes) throw new LaneFormatException($"a message announces {frame.MessageBytes} bytes of payload. Its stream takes at most {stream.MaxPayloadBytes}.");
        if (frame.MessageBytes > 0 && Interlocked.Decrement(ref stream.Traffic.Granted) < 0) throw new LaneFormatException($"more messages are under way than {_peer.Options.Credits} credits allow.");
        var places = frame.MessageBytes > 0 ? _peer.Receiver.PlacesFor(stream, control, frame.MessageBytes, _places) : 0;
        var message = LaneMessage.Rent(stream, _peer.Pool, control, frame.MessageBytes, _places.AsSpan(0, places));
        var whole = false;
        try
        {
            ReadPayload(frame, message);
            if (frame.PayloadBytes < frame.MessageBytes)
            {
                if (!stream.Traffic.Arriving.TryAdd(frame.Message, new Arriving(message) { Bytes = frame.PayloadBytes })) throw new LaneFormatException($"message {frame.Message} begins twice.");
            }
            whole = true;
        }
        finally
        {
            if (!whole) message.Dispose();
        }
        if (frame.PayloadBytes == frame.MessageBytes) Deliver(stream, message);
    }

    private void Continue(LaneStream stream, in LaneFrame frame)
    {
        if (!stream.Traffic.Arriving.TryGetValue(frame.Message, out var arriving)) throw new LaneFormatException($"more of message {frame.Message} comes. It has not begun, or is complete.");
        if (frame.Offset != arriving.Bytes || frame.MessageBytes != arriving.Message.PayloadBytes)
            throw new LaneFormatException($"message {frame.Message} goes on at byte {frame.Offset} of {frame.MessageBytes}. It must go on at {arriving.Bytes} of {arriving.Message.PayloadBytes}.");
        ReadPayload(frame, arriving.Message);
        arriving.Bytes += frame.PayloadBytes;
        if (arriving.Bytes < frame.MessageBytes) return;
        stream.Traffic.Arriving.Remove(frame.Message);
        Deliver(stream, arriving.Message);
    }

    private void Deliver(LaneStream stream, LaneMessage message)
    {
        lock (_calls) _peer.Receiver.Received(stream, message);
    }

    private void ReadPayload(in LaneFrame frame, LaneMessage message)
    {
        if (frame.PayloadBytes == 0) return;
        var crc = 0u;
        for (var (offset, left) = (frame.Offset, frame.PayloadBytes); left > 0;)
        {
            var room = message.Room(offset);
            room = room[..Math.Min(Math.Min(room.Length, left), PieceBytes)];
            var received = Receive(room, "payload");
            crc = Crc32C.Append(crc, room[..received]);
            (offset, left) = (offset + received, left - received);
        }
        CheckTrailer(crc);
    }

    private void Skip(int bytes)
    {
        if (bytes == 0) return;
        var crc = 0u;
        while (bytes > 0)
        {
            var received = Receive(_skipped.AsSpan(0, Math.Min(bytes, _skipped.Length)), "payload");
            crc = Crc32C.Append(crc, _skipped.AsSpan(0, received));
            bytes -= received;
        }
        CheckTrailer(crc);
    }

    private void CheckTrailer(uint crc)
    {
        Span<byte> trailer = stackalloc byte[LaneFrame.TrailerBytes];
        ReceiveAll(trailer, "checksum");
        var given = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        if (given != crc) throw new LaneFormatException($"a payload has checksum 0x{crc:x8}. Its frame says 0x{given:x8}: it was damaged on the way.");
    }

    private void ReceiveAll(Span<byte> bytes, string what)
    {
        while (bytes.Length > 0) bytes = bytes[Receive(bytes, what)..];
    }

    private int Receive(Span<byte> bytes, string what)
    {
        var received = ReceiveSome(bytes);
        return received > 0 ? received : throw new LaneFormatException($"the connection closed {bytes.Length} bytes before the end of a frame's {what}.");
    }

    private int ReceiveSome(Span<byte> bytes)
    {
        if (_aheadStart == _aheadEnd)
        {
            var direct = bytes.Length >= AheadBytes;
            var received = _wire.Receive(direct ? bytes : _ahead);
            Interlocked.Add(ref _received, received);
            if (direct || received == 0) return received;
            (_aheadStart, _aheadEnd) = (0, received);
        }
        var count = Math.Min(bytes.Length, _aheadEnd - _aheadStart);
        _ahead.AsSpan(_aheadStart, count).CopyTo(bytes);
        _aheadStart += count;
        return count;
    }

    private static void DropArriving(LaneStream stream)
    {
        foreach (var arriving in stream.Traffic.Arriving.Values) arriving.Message.Dispose();
        stream.Traffic.Arriving.Clear();
    }
}
