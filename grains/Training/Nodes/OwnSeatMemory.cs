using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>A seat's memory of its own: made when it gets a shard, given back when it loses it. Versions are the protocol's: workers have copies.</summary>
/// <param name="work">Where memory is freed, after what is still being saved from it.</param>
internal sealed class OwnSeatMemory(ResolvedJob job, IReadOnlyList<ShardRange> ranges, Device device, VectorPool vectors, BackgroundWork work) : ISeatMemory
{
    private ShardMemory? _memory;
    private int _shard = -1;
    private PooledVector? _copy;

    /// <summary>Floats of the shard's weights; 0 for none.</summary>
    public long Elements => _memory?.Range.Length ?? 0;

    public int LengthOf(int shard) => ranges[shard].Length;

    public ShardMemory Of(int shard)
    {
        if (_memory is { } memory && _shard == shard) return memory;
        Free();
        _shard = shard;
        return _memory = ShardMemory.Alone(job.Layout, ranges[shard], job.Optimizer, device, job.Diagnosis.Layers);
    }

    public void Begin(int shard)
    {
        _copy?.Release();
        _copy = null;
    }

    public void End(int shard, long version)
    {
    }

    /// <summary>The weights as they are now, held once more for whoever takes them: one copy for all that pull a version.</summary>
    public HeldVector Copy(int shard)
    {
        if (_copy is null)
        {
            var memory = Of(shard);
            _copy = vectors.Rent(memory.Range.Length);
            memory.Weights.AsSpan().CopyTo(_copy.View.AsSpan());
        }
        _copy.Hold();
        return _copy;
    }

    /// <summary>When nothing is saved any more.</summary>
    public void FreeNow()
    {
        Begin(_shard);
        _memory?.Dispose();
        _memory = null;
    }

    public void Free()
    {
        Begin(_shard);
        if (_memory is not { } memory) return;
        (_memory, _shard) = (null, -1);
        work.Do(memory.Dispose);
    }
}
