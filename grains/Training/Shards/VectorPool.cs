using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>Vectors to be used again, by length: in the steady state nothing is allocated.</summary>
internal sealed class VectorPool(Device device) : IDisposable
{
    private readonly Dictionary<int, Stack<PooledVector>> _free = [];
    private readonly Lock _gate = new();
    private bool _disposed;

    public PooledVector Rent(int length)
    {
        PooledVector? vector = null;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_free.TryGetValue(length, out var free)) _free[length] = free = new Stack<PooledVector>();
            free.TryPop(out vector);
        }
        vector ??= new PooledVector(this, device.Allocate(length));
        vector.Rented();
        return vector;
    }

    internal void Return(PooledVector vector)
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
