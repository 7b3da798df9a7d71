using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>Memory with several holders: whoever drops it last returns it to where it came from. To dispose of it is to release it once.</summary>
internal interface IHeld : IDisposable
{
    void Hold();

    void Release();
}

/// <summary>The gradient of one tree node as a flat vector, shared by its worker and the shards: whoever drops it last returns it to its pool.</summary>
internal sealed class NodeGradient : IHeld
{
    private readonly GradientPool _pool;
    private int _holders;

    /// <param name="offset">Where the buffer's elements begin in the flat vector.</param>
    internal NodeGradient(GradientPool pool, DeviceBuffer buffer, IReadOnlyList<ShardRange> shards, int offset)
    {
        (_pool, Buffer, Offset) = (pool, buffer, offset);
        Parts = new GradientPart[shards.Count];
        for (var s = 0; s < Parts.Length; s++)
            if (shards[s].Offset >= offset && shards[s].Offset + shards[s].Length <= offset + buffer.Length) Parts[s] = new GradientPart(this, buffer.View.Part(shards[s].Offset - offset, shards[s].Length));
    }

    /// <summary>[Layout.Length], or the elements of some stages of a pipeline.</summary>
    public DeviceBuffer Buffer { get; }

    /// <summary>Where it begins in the flat vector.</summary>
    public int Offset { get; }

    /// <summary>By shard; null for shards of other stages.</summary>
    public GradientPart[] Parts { get; }

    /// <summary>It carries its digests.</summary>
    public bool IsSealed { get; private set; }

    /// <summary>Checksums every part. Done once, when the gradient is complete: a shard folds in place, and a repeated push must still carry the digest of what was computed.</summary>
    public void Seal()
    {
        foreach (var part in Parts) part?.Seal();
        IsSealed = true;
    }

    internal void Rented() => (_holders, IsSealed) = (1, false);

    public void Hold() => Interlocked.Increment(ref _holders);

    void IDisposable.Dispose() => Release();

    public void Release()
    {
        var left = Interlocked.Decrement(ref _holders);
        if (left == 0) _pool.Return(this);
        else if (left < 0) throw new InvalidOperationException("a gradient is released more often than it was held.");
    }
}

/// <summary>One shard's elements of a node's gradient.</summary>
internal sealed class GradientPart(IHeld owner, View elements) : IHeld
{
    /// <summary>[ShardRange.Length].</summary>
    public View Elements { get; } = elements;

    public ulong Digest { get; private set; }

    /// <summary>A shard has folded another node into it: it can no longer be sent.</summary>
    public bool Folded { get; set; }

    public void Seal()
    {
        (Digest, Folded) = (Kernels.Digest.Of(Elements.AsSpan()), false);
    }

    public void Hold() => owner.Hold();

    public void Release() => owner.Release();

    void IDisposable.Dispose() => owner.Release();
}

/// <summary>Gradients to be used again: in the steady state nothing is allocated.</summary>
/// <param name="offset">Where its gradients begin in the flat vector: 0, or with a stage of a pipeline.</param>
internal sealed class GradientPool(Device device, int length, IReadOnlyList<ShardRange> shards, int offset = 0) : IDisposable
{
    private readonly Stack<NodeGradient> _free = new();
    private readonly Lock _gate = new();
    private readonly List<NodeGradient> _all = [];

    /// <summary>Gradients made so far.</summary>
    public int Count
    {
        get { lock (_gate) return _all.Count; }
    }

    public NodeGradient Rent()
    {
        lock (_gate)
        {
            if (!_free.TryPop(out var gradient))
            {
                gradient = new NodeGradient(this, device.Allocate(length), shards, offset);
                _all.Add(gradient);
                _free.EnsureCapacity(_all.Count);
            }
            gradient.Rented();
            return gradient;
        }
    }

    internal void Return(NodeGradient gradient)
    {
        lock (_gate) _free.Push(gradient);
    }

    public void Dispose()
    {
        lock (_gate)
            foreach (var gradient in _all) gradient.Buffer.Dispose();
    }
}
