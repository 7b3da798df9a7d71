using DistTrain.Kernels;

namespace DistTrain.Training;

// What waits to be sent, and messages that the thread which gives them sends itself.
public sealed unsafe partial class LaneLink
{
    private const int MaxQueuedControlBytes = 64 << 20;

    internal bool Post(LaneStream stream, ReadOnlySpan<byte> control, ReadOnlySpan<View> payload, IDisposable? owner, bool lowestMissing)
    {
        lock (_gate)
        {
            if (TryQueue(stream, control, payload, owner, lowestMissing) is not null)
            {
                Monitor.Pulse(_gate);
                return true;
            }
        }
        owner?.Dispose();
        return false;
    }

    internal bool Send(LaneStream stream, ReadOnlySpan<byte> control, ReadOnlySpan<View> payload)
    {
        Outgoing message;
        lock (_gate)
        {
            if (TryQueue(stream, control, payload, null, true) is not { } queued) return false;
            message = queued;
            if (_sendingHere || _current is not null || _staging == null)
            {
                Monitor.Pulse(_gate);
                return true;
            }
            _sendingHere = true;
        }
        SendHere(message);
        return true;
    }

    // Until it is gone or must wait for credit; the rest is the link's own thread's.
    private void SendHere(Outgoing message)
    {
        try
        {
            for (var gone = false; !gone;)
            {
                Outgoing? frame;
                lock (_gate) frame = TakeNext();
                if (frame is null) break;
                Send(frame, _staging);
                gone = frame == message && frame.IsGone;
                Done(frame);
            }
        }
        catch (Exception e)
        {
            Close(IsWireEnd(e) ? $"node {Node} cannot be reached: {e.Message}" : $"sending to node {Node} failed: {e}");
        }
        finally
        {
            lock (_gate)
            {
                _sendingHere = false;
                if (_control.Count > 0 || _sending.Count > 0 || _end is not null) Monitor.PulseAll(_gate);
            }
        }
    }

    // Under the gate. null: the stream is closed.
    private Outgoing? TryQueue(LaneStream stream, ReadOnlySpan<byte> control, ReadOnlySpan<View> payload, IDisposable? owner, bool lowestMissing)
    {
        if (control.Length > LaneFrame.MaxControlBytes) throw new ArgumentException($"a message with {control.Length} bytes of control is to be sent. It must have at most {LaneFrame.MaxControlBytes}.", nameof(control));
        if (payload.Length > MaxPieces) throw new ArgumentException($"a payload of {payload.Length} pieces is to be sent. It must have at most {MaxPieces}.", nameof(payload));
        var bytes = Outgoing.BytesOf(payload);
        var traffic = stream.Traffic;
        if (_end is not null || traffic.Phase != StreamPhase.Open) return null;
        var message = Spare();
        message.Set(LaneFrameKind.Message, stream, control, payload, owner, bytes);
        message.Number = ++traffic.LastNumber;
        if (bytes == 0 && traffic.Early is { } early) early.Enqueue(message);
        else if (bytes == 0) AddControl(message);
        else
        {
            (lowestMissing ? traffic.Lowest : traffic.Waiting).Enqueue(message);
            if (!_sending.Contains(stream)) _sending.Add(stream);
        }
        return message;
    }

    // Under the gate.
    private void Queue(LaneFrameKind kind, LaneStream? stream, ReadOnlySpan<byte> control, int count = 0)
    {
        var frame = Spare();
        frame.Set(kind, stream, control, [], null, 0);
        frame.Count = count;
        QueueControl(frame);
    }

    private void QueueControl(Outgoing frame)
    {
        AddControl(frame);
        Monitor.Pulse(_gate);
    }

    private void AddControl(Outgoing frame)
    {
        _control.Enqueue(frame);
        _controlBytes += frame.ControlBytes + LaneFrame.HeadBytes;
        if (_controlBytes > MaxQueuedControlBytes) Close($"{_controlBytes} bytes of control wait for node {Node}, which takes none");
    }

    private Outgoing Spare() => _spare.TryPop(out var spare) ? spare : new Outgoing();

    // Under the gate. A message of which a frame is just being sent is let go by the thread that sends it.
    private void DropWaiting(StreamTraffic traffic)
    {
        Drop(traffic.Lowest);
        Drop(traffic.Waiting);
        if (traffic.Early is { } early) Drop(early);
    }

    private void Drop(Queue<Outgoing> queue)
    {
        while (queue.TryDequeue(out var message))
        {
            message.Dropped = true;
            if (message != _current) Recycle(message);
        }
    }

    private void Recycle(Outgoing message)
    {
        message.Release();
        _spare.Push(message);
    }
}
