using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Where the memory of the shards that a seat may hold is.</summary>
internal interface ISeatMemory
{
    ShardMemory Of(int shard);

    /// <summary>The shard's weights change from now on.</summary>
    void Begin(int shard);

    /// <summary>They are whole again.</summary>
    /// <param name="version">-1 where they are none.</param>
    void End(int shard, long version);
}

/// <summary>One flat vector for all shards of the process, which its workers read in place.</summary>
internal sealed class SharedSeatMemory(ShardMemory[] memories, WeightVersions versions) : ISeatMemory
{
    public ShardMemory Of(int shard) => memories[shard];

    public void Begin(int shard) => versions.Begin(shard);

    public void End(int shard, long version) => versions.End(shard, version);
}

/// <summary>A seat of this process: runs the shard machine and does its arithmetic on the shard's memory, on whichever thread is at it.</summary>
internal class SeatHost(ShardMachine machine, MachineSet machines, ISeatMemory memory, StateStore store) : MachineHost(machine, machines)
{
    private readonly ReducedFigures _figures = new();

    // The load that counts: one that was asked for later, or a state that came from elsewhere, makes it void.
    private long _loading = -1;

    public ShardMachine Seat => machine;

    protected ShardMemory Memory => memory.Of(machine.Shard);

    /// <summary>A state that has been read is put in place here, in order with all else that touches the memory.</summary>
    protected override void Take(ref Message message)
    {
        if (message.Kind != MessageKind.Loaded || message.Payload is not LoadedState state) return;
        if (message.Lease == _loading && machine.Shard >= 0)
        {
            _loading = -1;
            memory.Begin(machine.Shard);
            Memory.Load(state.Elements);
            memory.End(machine.Shard, message.Step);
        }
        state.Release();
        message = message with { Payload = null };
    }

    protected override void Perform(in Effect effect, Device device)
    {
        switch (effect.Kind)
        {
            case EffectKind.Send:
                Send(effect.Message);
                break;
            case EffectKind.Fold:
                Fold(device, (GradientPart)effect.Payload!, (GradientPart)effect.Other!);
                break;
            case EffectKind.Norms:
                Memory.Reduce(device, ((GradientPart)effect.Payload!).Elements, _figures);
                Post(Answer(effect, MessageKind.NormsReady) with { Payload = _figures, Digest = DigestOf(_figures) });
                break;
            case EffectKind.Apply:
                Apply(effect, device);
                break;
            case EffectKind.Release:
                (effect.Payload as IHeld)?.Release();
                break;
            case EffectKind.Snapshot:
                if (store.IsDurable) Memory.BeginSnapshot();
                store.SaveShard(machine.Shard, Memory, Answer(effect, MessageKind.SnapshotWritten));
                break;
            case EffectKind.Load:
                // The memory is no version until it is read.
                _loading = effect.Message.Lease;
                memory.Begin(machine.Shard);
                memory.End(machine.Shard, -1);
                store.Read(machine.Shard, (RestoreFrom)effect.Payload!, Answer(effect, MessageKind.Loaded));
                break;
            case EffectKind.Install:
                _loading = -1;
                Install((ShardState)effect.Payload!, effect.Message.Step);
                break;
            case EffectKind.Ended:
                Ended();
                break;
            default:
                break;
        }
    }

    protected virtual void Send(in Message message) => Machines.Deliver(message);

    /// <summary>Takes a primary's state; without replicas there is none.</summary>
    protected virtual void Install(ShardState state, long version)
    {
    }

    /// <summary>The job is over for this seat.</summary>
    protected virtual void Ended()
    {
    }

    private void Fold(Device device, GradientPart left, GradientPart right)
    {
        Memory.Fold(device, left.Elements, right.Elements);
        left.Folded = true;
        right.Release();
    }

    private void Apply(in Effect effect, Device device)
    {
        store.Forget();
        var open = effect.Message.Open;
        var root = effect.Payload as GradientPart;
        memory.Begin(machine.Shard);
        if (root is not null && !open.Last.Skip)
        {
            Span<float> scalars = stackalloc float[StepScalars.Capacity];
            open.Scalars.CopyTo(scalars);
            Memory.Apply(device, open.Update, open.LearningRate, scalars[..open.Scalars.Count], open.Last.Coefficient, root.Elements, Clipping.Coefficient(open.Last.Record.Norm, open.ClipNorm));
        }
        memory.End(machine.Shard, effect.Message.Step + 1);
        root?.Release();
        Post(Answer(effect, MessageKind.Applied) with { Step = effect.Message.Step + 1 });
    }

    // The sums decide the step, so their digest stands for the root gradient.
    private static ulong DigestOf(ReducedFigures figures) =>
        Digest.Of(System.Runtime.InteropServices.MemoryMarshal.Cast<double, float>(figures.Squares));
}
