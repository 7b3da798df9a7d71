using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A seat of this process: runs the shard machine and does its arithmetic on the shard's memory, on whichever thread is at it.</summary>
/// <param name="memories">By shard: the placement decides which of them this seat holds.</param>
/// <param name="versions">Told of every change of the weights, before and after it.</param>
internal sealed class SeatHost(ShardMachine machine, MachineSet machines, ShardMemory[] memories, WeightVersions versions, StateStore store) : MachineHost(machine, machines)
{
    private readonly ReducedFigures _figures = new();

    /// <summary>-1 where the seat holds none.</summary>
    public int Shard => machine.Shard;

    private ShardMemory Memory => memories[machine.Shard];

    protected override void Perform(in Effect effect, Device device)
    {
        switch (effect.Kind)
        {
            case EffectKind.Send:
                Machines.Deliver(effect.Message);
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
                (effect.Payload as GradientPart)?.Release();
                break;
            case EffectKind.Snapshot:
                if (store.IsDurable) Memory.BeginSnapshot();
                store.SaveShard(machine.Shard, Memory, Answer(effect, MessageKind.SnapshotWritten));
                break;
            case EffectKind.Load:
                Load(effect);
                break;
            default:
                break;
        }
    }

    private void Fold(Device device, GradientPart left, GradientPart right)
    {
        Memory.Fold(device, left.Elements, right.Elements);
        left.Folded = true;
        right.Release();
    }

    private void Apply(in Effect effect, Device device)
    {
        var open = effect.Message.Open;
        var root = effect.Payload as GradientPart;
        versions.Begin(machine.Shard);
        if (root is not null && !open.Last.Skip)
        {
            Span<float> scalars = stackalloc float[StepScalars.Capacity];
            open.Scalars.CopyTo(scalars);
            Memory.Apply(device, scalars[..open.Scalars.Count], open.Last.Coefficient, root.Elements);
        }
        versions.End(machine.Shard, effect.Message.Step + 1);
        root?.Release();
        Post(Answer(effect, MessageKind.Applied) with { Step = effect.Message.Step + 1 });
    }

    private void Load(in Effect effect)
    {
        var from = (RestoreFrom)effect.Payload!;
        var version = -1L;
        versions.Begin(machine.Shard);
        try
        {
            Memory.Load(store.VectorsOf(from));
            version = from.Name.Version;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Post(Answer(effect, MessageKind.Loaded) with { Step = -1, Text = e.Message });
        }
        versions.End(machine.Shard, version);
        if (version >= 0) Post(Answer(effect, MessageKind.Loaded) with { Step = version });
    }

    // The sums decide the step, so their digest stands for the root gradient.
    private static ulong DigestOf(ReducedFigures figures) =>
        Digest.Of(System.Runtime.InteropServices.MemoryMarshal.Cast<double, float>(figures.Squares));
}
