namespace DistTrain.Kernels;

/// <summary>Memory on one device, counted in 4-byte elements (float or int). Lives until disposed; never moves.</summary>
public abstract class DeviceBuffer(Device device, int length) : IDisposable
{
    public Device Device { get; } = device;

    /// <summary>Elements of 4 bytes.</summary>
    public int Length { get; } = length;

    /// <summary>The whole buffer.</summary>
    public View View => new(this, 0, Length);

    /// <summary>Copies host elements in, starting at element <paramref name="offset"/>.</summary>
    public abstract void Write(int offset, ReadOnlySpan<float> source);

    /// <summary>Copies elements out to the host, starting at element <paramref name="offset"/>.</summary>
    public abstract void Read(int offset, Span<float> destination);

    public abstract void Dispose();
}
