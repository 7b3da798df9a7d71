using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>Rented native memory, 64-byte aligned. Disposed once, by whoever holds it last.</summary>
public sealed class LaneBuffer : IDisposable
{
    private readonly LanePool _pool;
    private readonly CpuBuffer _memory;
    private int _rented;

    internal LaneBuffer(LanePool pool, CpuBuffer memory) => (_pool, _memory) = (pool, memory);

    /// <summary>At least as many elements as were asked for.</summary>
    public View View => _memory.View;

    internal int Elements => _memory.Length;

    internal void Rented() => Volatile.Write(ref _rented, 1);

    internal void Free() => _memory.Dispose();

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, 0) == 0) throw new InvalidOperationException("a lane buffer is disposed of twice. Whoever rented it disposes of it once.");
        _pool.Return(this);
    }
}

/// <summary>Lane buffers to be used again, by size: powers of two and the three quarters between, so that at most a third is unused.</summary>
/// <remarks>What is not rented is kept up to a limit and freed beyond it. From any thread.</remarks>
public sealed class LanePool(Device device, long maxKeptBytes = 512L << 20) : IDisposable
{
    private const int MinElements = 1024;
    private const int Classes = 64;

    private readonly Stack<LaneBuffer>?[] _free = new Stack<LaneBuffer>?[Classes];
    private readonly Lock _gate = new();
    private long _keptBytes;
    private bool _over;

    /// <summary>Bytes that lie ready.</summary>
    public long KeptBytes
    {
        get { lock (_gate) return _keptBytes; }
    }

    /// <summary>At least <paramref name="elements"/> floats with undefined content.</summary>
    public LaneBuffer Rent(int elements)
    {
        var (index, size) = ClassOf(elements);
        LaneBuffer? buffer = null;
        lock (_gate)
        {
            if (_free[index] is { } free && free.TryPop(out buffer)) _keptBytes -= (long)size * sizeof(float);
        }
        buffer ??= new LaneBuffer(this, new CpuBuffer(device, size));
        buffer.Rented();
        return buffer;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _over = true;
            foreach (var free in _free)
                while (free is not null && free.TryPop(out var buffer)) buffer.Free();
            _keptBytes = 0;
        }
    }

    internal void Return(LaneBuffer buffer)
    {
        var (index, size) = ClassOf(buffer.Elements);
        var bytes = (long)size * sizeof(float);
        lock (_gate)
        {
            if (!_over && _keptBytes + bytes <= maxKeptBytes)
            {
                (_free[index] ??= new()).Push(buffer);
                _keptBytes += bytes;
                return;
            }
        }
        buffer.Free();
    }

    // Class 2k holds 1024 * 2^k elements, class 2k + 1 holds 1024 * 1.5 * 2^k.
    private static (int Index, int Elements) ClassOf(int elements)
    {
        for (var k = 0; k < 21; k++)
        {
            var whole = (long)MinElements << k;
            if (elements <= whole) return (2 * k, (int)whole);
            if (elements <= whole + whole / 2) return (2 * k + 1, (int)(whole + whole / 2));
        }
        throw new ArgumentOutOfRangeException(nameof(elements), $"a buffer of {elements} elements is asked for. It must have at most {(long)MinElements << 20}.");
    }
}
