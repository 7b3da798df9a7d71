using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A vector that travels: weights that are pulled, a part of a gradient that came over the lane, a copy of a state.</summary>
internal sealed class HeldVector : IHeld
{
    private readonly VectorPool _pool;
    private readonly DeviceBuffer _buffer;
    private int _holders;

    internal HeldVector(VectorPool pool, DeviceBuffer buffer)
    {
        (_pool, _buffer) = (pool, buffer);
        Part = new GradientPart(this, buffer.View);
    }

    public View View => _buffer.View;

    /// <summary>The same elements as a shard takes them.</summary>
    public GradientPart Part { get; }

    internal void Rented()
    {
        _holders = 1;
        Part.Folded = false;
    }

    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        var left = Interlocked.Decrement(ref _holders);
        if (left == 0) _pool.Return(this);
        else if (left < 0) throw new InvalidOperationException("a vector is released more often than it was held.");
    }

    internal void Free() => _buffer.Dispose();
}

/// <summary>Vectors to be used again, by length: in the steady state nothing is allocated.</summary>
internal sealed class VectorPool(Device device) : IDisposable
{
    private readonly Dictionary<int, Stack<HeldVector>> _free = [];
    private readonly Lock _gate = new();
    private bool _disposed;

    public HeldVector Rent(int length)
    {
        HeldVector? vector = null;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_free.TryGetValue(length, out var free)) _free[length] = free = new Stack<HeldVector>();
            free.TryPop(out vector);
        }
        vector ??= new HeldVector(this, device.Allocate(length));
        vector.Rented();
        return vector;
    }

    internal void Return(HeldVector vector)
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _free[vector.View.Length].Push(vector);
                return;
            }
        }
        vector.Free();
    }

    /// <summary>What is still held is freed by its last holder.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var vector in _free.Values.SelectMany(free => free)) vector.Free();
            _free.Clear();
        }
    }
}
