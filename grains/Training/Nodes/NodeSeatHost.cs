using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A seat of a node: attaches what only it has to the messages of its machine, and takes a primary's state as its replica.</summary>
/// <param name="host">What it says its host is, so that a replica is never beside its primary.</param>
internal sealed class NodeSeatHost(ShardMachine machine, MachineSet machines, OwnSeatMemory memory, StateStore store, VectorPool vectors, ulong host, Action<MachineHost> ended)
    : SeatHost(machine, machines, memory, store)
{
    public OwnSeatMemory OwnMemory => memory;

    /// <summary>What came from elsewhere is only taken where it fits.</summary>
    protected override void Take(ref Message message)
    {
        if (message.Payload is GradientPart part && Seat.Shard >= 0 && part.Elements.Length != memory.LengthOf(Seat.Shard))
        {
            part.Release();
            message = new Message { Kind = MessageKind.Tick, From = Address.Host, To = message.To, Job = message.Job };
        }
        base.Take(ref message);
    }

    protected override void Send(in Message message)
    {
        switch (message.Kind)
        {
            case MessageKind.SeatAlive:
                Machines.Deliver(message with { Digest = host });
                break;
            case MessageKind.Weights:
                Hand(message, memory.Copy(Seat.Shard), null);
                break;
            case MessageKind.Mirror:
                var root = (GradientPart)message.Payload!;
                root.Hold();
                Hand(message, root, null);
                break;
            case MessageKind.State:
                var copy = vectors.Rent(Memory.Range.Length + Memory.States.Length);
                Memory.CopyTo(copy.View.AsSpan());
                Hand(message, copy, new ShardState(((ShardState)message.Payload!).Log) { Memory = copy });
                break;
            default:
                Machines.Deliver(message);
                break;
        }
    }

    protected override void Install(ShardState state, long version)
    {
        using var copy = (IHeld)state.Memory!;
        memory.Begin(Seat.Shard);
        Memory.CopyFrom(((HeldVector)copy).View.AsSpan());
        memory.End(Seat.Shard, version);
    }

    protected override void Ended()
    {
        memory.Free();
        ended(this);
    }

    private void Hand(in Message message, IHeld payload, object? wrapped)
    {
        if (!Machines.Deliver(message with { Payload = wrapped ?? payload })) payload.Release();
    }
}
