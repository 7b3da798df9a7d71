using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>Device memory of an accelerator: 256-byte aligned, zeroed when made, returned to the device's arena when disposed.</summary>
public sealed class GpuBuffer : DeviceBuffer
{
    private readonly GpuDevice _device;
    private readonly Arena.Slice _slice;
    private readonly ArrayView<float> _elements;
    private bool _disposed;

    internal GpuBuffer(GpuDevice device, Arena arena, int length) : base(device, length)
    {
        _device = device;
        _slice = arena.Take(length);
        _elements = _slice.View;
    }

    /// <summary>The elements of a view that lies on this device's kind of memory; an absent view has none.</summary>
    internal static ArrayView<float> Of(View view) => view.Buffer switch
    {
        GpuBuffer buffer => buffer.Elements(view.Offset, view.Length),
        null => ArrayView<float>.Empty,
        _ => throw new InvalidOperationException($"the view lies on {view.Buffer.Device.Name}; this op needs it on the accelerator. Copy it there first."),
    };

    /// <summary>The same elements read as integers.</summary>
    internal static ArrayView<int> IntsOf(View view) => Of(view).Cast<int>();

    /// <summary>The same elements read as doubles: two for one; the view must start at an even element.</summary>
    internal static ArrayView<double> DoublesOf(View view) => Of(view).Cast<double>();

    public override void Write(int offset, ReadOnlySpan<float> source)
    {
        if (source.IsEmpty) return;
        _device.Bind();
        Elements(offset, source.Length).CopyFromCPU(_device.Stream, ref MemoryMarshal.GetReference(source), source.Length);
        _device.Stream.Synchronize();
    }

    public override void Read(int offset, Span<float> destination)
    {
        if (destination.IsEmpty) return;
        _device.Bind();
        Elements(offset, destination.Length).CopyToCPU(_device.Stream, ref MemoryMarshal.GetReference(destination), destination.Length);
        _device.Stream.Synchronize();
    }

    public override void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _slice.Return();
    }

    private ArrayView<float> Elements(int offset, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if ((uint)offset > (uint)Length || (uint)length > (uint)(Length - offset))
            throw new ArgumentOutOfRangeException(nameof(offset), $"elements [{offset}, {offset + (long)length}) are asked of a buffer of {Length}; they must lie inside.");
        return _elements.SubView(offset, length);
    }
}
