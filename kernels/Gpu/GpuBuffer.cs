using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>Device memory of an accelerator, zeroed when made.</summary>
public sealed class GpuBuffer : DeviceBuffer
{
    private readonly Accelerator _accelerator;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _memory;

    public GpuBuffer(GpuDevice device, int length) : base(device, length)
    {
        _accelerator = device.Accelerator;
        _memory = _accelerator.Allocate1D<float>(Math.Max(1, length));
        _memory.MemSetToZero();
        _accelerator.DefaultStream.Synchronize();
    }

    /// <summary>The elements of a view that lies on this kind of device.</summary>
    internal static ArrayView<float> Of(View view) => view.Buffer is GpuBuffer buffer
        ? buffer._memory.View.SubView(view.Offset, view.Length)
        : throw new InvalidOperationException($"the view lies on {view.Buffer?.Device.Name ?? "no device"}; this op needs it on the accelerator. Copy it there first.");

    public override void Write(int offset, ReadOnlySpan<float> source)
    {
        if (source.IsEmpty) return;
        _memory.View.SubView(offset, source.Length).CopyFromCPU(ref System.Runtime.InteropServices.MemoryMarshal.GetReference(source), source.Length);
        _accelerator.DefaultStream.Synchronize();
    }

    public override void Read(int offset, Span<float> destination)
    {
        if (destination.IsEmpty) return;
        _memory.View.SubView(offset, destination.Length).CopyToCPU(ref System.Runtime.InteropServices.MemoryMarshal.GetReference(destination), destination.Length);
        _accelerator.DefaultStream.Synchronize();
    }

    public override void Dispose() => _memory.Dispose();
}
