using System.Runtime.InteropServices;

namespace DistTrain.Kernels;

/// <summary>Native memory, 64-byte aligned (one cache line, one Vector512), zeroed when made.</summary>
public sealed unsafe class CpuBuffer : DeviceBuffer
{
    public const int AlignmentBytes = 64;

    private float* _pointer;

    public CpuBuffer(Device device, int length) : this(device, length, cleared: true)
    {
    }

    private CpuBuffer(Device device, int length, bool cleared) : base(device, length)
    {
        var bytes = (nuint)Math.Max(1, length) * sizeof(float);
        _pointer = NativeBlock.Allocate(bytes);
        if (cleared) NativeMemory.Clear(_pointer, bytes);
        GC.AddMemoryPressure((long)bytes);
    }

    ~CpuBuffer() => Free();

    /// <summary>With undefined content: what is never written takes no memory, where the system gives memory at the first touch.</summary>
    public static CpuBuffer Untouched(Device device, int length) => new(device, length, cleared: false);

    internal float* Pointer => _pointer != null ? _pointer : throw new ObjectDisposedException(nameof(CpuBuffer));

    public override void Write(int offset, ReadOnlySpan<float> source) => source.CopyTo(View.AsSpan()[offset..]);

    public override void Read(int offset, Span<float> destination) => View.AsSpan().Slice(offset, destination.Length).CopyTo(destination);

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer == null) return;
        NativeBlock.Free(_pointer);
        _pointer = null;
        GC.RemoveMemoryPressure((long)Math.Max(1, Length) * sizeof(float));
    }
}
