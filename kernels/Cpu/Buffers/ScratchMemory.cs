namespace DistTrain.Kernels;

/// <summary>One 64-byte-aligned block of native memory that a kernel works in: grown when more is asked, kept otherwise, never zeroed.</summary>
internal sealed unsafe class ScratchMemory : IDisposable
{
    // What is worked in again and again should stay in the L2, whose sets are chosen by physical address: on one huge page it fills them evenly,
    // while scattered small pages crowd some and leave others empty.
    private const nuint HugeFrom = 256 << 10;

    private float* _block;
    private nuint _bytes;

    ~ScratchMemory() => Free();

    /// <summary>At least <paramref name="floats"/> elements; their content is undefined. An earlier answer is invalid after a larger one.</summary>
    public float* Of(long floats)
    {
        var bytes = (nuint)Math.Max(floats, 1) * sizeof(float);
        if (bytes <= _bytes) return _block;
        Free();
        // A quarter more: a slightly larger batch does not grow it again.
        bytes = (bytes + bytes / 4 + 4095) & ~(nuint)4095;
        _block = NativeBlock.Allocate(bytes, HugeFrom);
        _bytes = bytes;
        return _block;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_block == null) return;
        NativeBlock.Free(_block);
        _block = null;
        _bytes = 0;
    }
}
