namespace DistTrain.Kernels;

/// <summary>How a run of elements is cut for threads: by index, on cache lines; short runs are not cut.</summary>
internal static class Stretch
{
    private const int Smallest = 8192;
    private const int Line = 16;

    public static int Parts(CpuDevice device, long elements) => (int)Math.Clamp(elements / Smallest, 1, device.Threads);

    /// <summary>Parts for <paramref name="count"/> items (rows, samples, channels) of so many elements each.</summary>
    public static int Parts(CpuDevice device, int count, long elementsEach) => Math.Min(Math.Max(1, count), Parts(device, count * elementsEach));

    /// <summary>Elements [Start, End) of a part.</summary>
    public static (int Start, int End) Elements(int part, int parts, int length)
    {
        var lines = (length + Line - 1) / Line;
        return ((int)((long)lines * part / parts) * Line, Math.Min(length, (int)((long)lines * (part + 1) / parts) * Line));
    }

    /// <summary>Items [Start, End) of a part.</summary>
    public static (int Start, int End) Items(int part, int parts, int count) =>
        ((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts));
}
