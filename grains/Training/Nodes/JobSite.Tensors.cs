using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

// Messages with tensors: to the lane and from it.
internal sealed partial class JobSite
{
    // Room for the log that goes with a state.
    private const int MaxLogEntries = 1 << 20;

    /// <summary>No message of this job is longer.</summary>
    public int MaxPayloadBytes { get; }

    /// <summary>Lets go of the payload of a message that is lost.</summary>
    public static void Drop(in Message message) => ((message.Payload is ShardState state ? state.Memory : message.Payload) as IHeld)?.Release();

    /// <summary>Sends a message with its tensor over an open stream; the payload is let go once it has left.</summary>
    public void Post(LaneStream stream, in Message message)
    {
        Span<byte> control = stackalloc byte[TensorHead.Bytes];
        switch (message.Payload)
        {
            case GradientPart part:
                Post(stream, control, message, part.Elements, part, lowest: message.Kind == MessageKind.Push);
                break;
            case HeldVector weights:
                Post(stream, control, message, weights.View, weights, lowest: false);
                break;
            case ShardState { Memory: HeldVector copy } state:
                PostState(stream, control, message, state.Log, copy);
                break;
            default:
                throw new InvalidOperationException($"a {message.Kind} message carries {message.Payload?.GetType().Name ?? "nothing"}. It must carry a tensor.");
        }
    }

    /// <summary>A message came over the lane: its tensor goes to the machine it is for, or nowhere.</summary>
    /// <exception cref="LaneFormatException">It cannot be one of this job's.</exception>
    public void Receive(LaneMessage message)
    {
        var head = TensorHead.Read(message.Control);
        if (head.Job != Plan.Key) throw new LaneFormatException($"a message of job {head.Job:x16} comes on the stream of job {Id}.");
        var logElements = (long)head.Entries * TensorHead.EntryElements;
        var length = message.PayloadBytes / sizeof(float) - logElements;
        if (head.Kind is MessageKind.Activation or MessageKind.ActivationGradient)
        {
            if (head.Entries != 0 || !IsActivation(head, length)) throw new LaneFormatException($"a {head.Kind} message of micro-batches {head.Node} has {message.PayloadBytes} bytes. No stage of job {Id} gives that many.");
            var activation = new ReceivedVector(message, message.Elements);
            if (!Machines.DeliverFromOutside(head.ToMessage(activation))) activation.Release();
            return;
        }
        if (head.Entries is < 0 or > MaxLogEntries || !_lengths.Contains((head.Kind == MessageKind.State, length)))
            throw new LaneFormatException($"a {head.Kind} message has {message.PayloadBytes} bytes and {head.Entries} records. No shard of job {Id} is that long.");
        if (head.Kind != MessageKind.State && head.Entries != 0) throw new LaneFormatException($"a {head.Kind} message has {head.Entries} records. Only a state has some.");
        var elements = message.Elements;
        var vector = new ReceivedVector(message, elements.Part((int)logElements, (int)length));
        object payload = head.Kind switch
        {
            MessageKind.Weights => vector,
            MessageKind.State => new ShardState(TensorHead.ReadLog(elements.Part(0, (int)logElements).AsSpan())) { Memory = vector },
            _ => vector.Part,
        };
        if (!Machines.DeliverFromOutside(head.ToMessage(payload))) vector.Release();
    }

    private void Post(LaneStream stream, Span<byte> control, in Message message, View elements, IHeld owner, bool lowest)
    {
        TensorHead.Of(message, 0).Write(control);
        stream.Post(control, elements, owner, lowest);
    }

    private void PostState(LaneStream stream, Span<byte> control, in Message message, IReadOnlyList<LogEntry> log, HeldVector copy)
    {
        var entries = log.Count;
        TensorHead.Of(message, entries).Write(control);
        if (entries == 0)
        {
            stream.Post(control, copy.View, copy);
            return;
        }
        var records = _vectors.Rent(entries * TensorHead.EntryElements);
        TensorHead.WriteLog(log, records.View.AsSpan());
        stream.Post(control, [records.View, copy.View], new Both(records, copy));
    }

    private sealed class Both(IHeld first, IHeld second) : IDisposable
    {
        public void Dispose()
        {
            first.Release();
            second.Release();
        }
    }
}
