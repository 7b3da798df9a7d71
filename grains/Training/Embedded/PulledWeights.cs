using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A worker's own copy of the job's flat vector, filled shard by shard as they are pulled. A worker that runs a stage of a pipeline pulls that stage's shards: the rest of the vector is an address and no memory.</summary>
/// <remarks>A lease that was given up may still be computed from it while a newer pull changes it: what it yields is dropped, and the stamps say so before that.</remarks>
internal sealed class PulledWeights(Device device, int length, IReadOnlyList<ShardRange> shards) : IDisposable
{
    private readonly DeviceBuffer _weights = CpuBuffer.Untouched(device, length);

    /// <summary>[Layout.Length].</summary>
    public View View => _weights.View;

    public WeightVersions Versions { get; } = new(shards.Count);

    /// <summary>Takes a shard's weights (<see cref="EffectKind.KeepWeights"/>) and lets go of the message's copy.</summary>
    public void Keep(in Effect effect)
    {
        var (shard, pulled) = ((int)effect.Message.Digest, (HeldVector)effect.Payload!);
        Versions.Begin(shard);
        pulled.View.AsSpan().CopyTo(_weights.View.AsSpan().Slice(shards[shard].Offset, shards[shard].Length));
        Versions.End(shard, effect.Message.Step);
        pulled.Release();
    }

    public void Dispose() => _weights.Dispose();
}
