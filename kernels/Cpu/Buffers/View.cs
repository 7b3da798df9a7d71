using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Consecutive 4-byte elements of a device buffer: what every op takes and gives. <c>default</c> stands for "absent" (no bias).</summary>
public readonly record struct View(DeviceBuffer? Buffer, int Offset, int Length)
{
    public static View None => default;

    public bool IsNone => Buffer is null;

    public View this[Range range]
    {
        get
        {
            var (start, length) = range.GetOffsetAndLength(Length);
            return new View(Buffer, Offset + start, length);
        }
    }

    /// <summary>Elements [start, start + length).</summary>
    public View Part(int start, int length)
    {
        if ((uint)start > (uint)Length || (uint)length > (uint)(Length - start))
            throw new ArgumentOutOfRangeException(nameof(start), $"part [{start}, {start + (long)length}) is asked of a view of {Length} elements; it must lie inside.");
        return new View(Buffer, Offset + start, length);
    }

    /// <summary>The address on the CPU. Views of other devices throw.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe float* Floats() => Buffer is CpuBuffer cpu ? cpu.Pointer + Offset : NotOnCpu();

    /// <summary>The same elements read as 32-bit integers (class labels, token ids, argmax positions).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe int* Ints() => (int*)Floats();

    public unsafe Span<float> AsSpan() => IsNone ? default : new Span<float>(Floats(), Length);

    public unsafe Span<int> AsInts() => IsNone ? default : new Span<int>(Ints(), Length);

    private unsafe float* NotOnCpu() => Buffer is null
        ? null
        : throw new InvalidOperationException($"the view lies on {Buffer.Device.Name}; its elements can be addressed only on a CPU device. Use DeviceBuffer.Read.");
}
