using System.Runtime.InteropServices;

namespace DistTrain.Training;

/// <summary>A state for shards to take: weights, and after them optimizer state where it is not zero. Native memory that is free again with its last holder: a run does not keep a second copy of its first weights.</summary>
internal sealed unsafe class LoadedState : IHeld
{
    private readonly int _length;
    private readonly float[]? _restored;
    private float* _elements;
    private int _holders = 1;

    /// <summary>Zeros, held once.</summary>
    public LoadedState(int length)
    {
        _length = length;
        _elements = (float*)NativeMemory.AllocZeroed((nuint)length, sizeof(float));
    }

    /// <summary>What a checkpoint held.</summary>
    public LoadedState(float[] restored) => (_restored, _length) = (restored, restored.Length);

    ~LoadedState() => Free();

    /// <summary>Valid while held.</summary>
    public Span<float> Elements => _restored ?? new Span<float>(_elements, _length);

    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;
        Free();
        GC.SuppressFinalize(this);
    }

    public void Dispose() => Release();

    private void Free()
    {
        NativeMemory.Free(_elements);
        _elements = null;
    }
}
