namespace DistTrain.Kernels;

/// <summary>How a run of elements is cut for threads: by index, on cache lines; short runs are not cut, because waking a thread costs more.</summary>
/// <remarks>Work is counted in elements copied: a thread gets at least 32 Ki of them, about 2.5 microseconds.</remarks>
internal static class Stretch
{
    private const int SmallestWork = 32 * 1024;
    private const int Line = 16;

    public static int Parts(CpuDevice device, long work) => (int)Math.Clamp(work / SmallestWork, 1, device.Threads);

    /// <summary>Parts for <paramref name="count"/> items (rows, samples, channels) of so much work each.</summary>
    public static int Parts(CpuDevice device, int count, long workEach) => Math.Min(Math.Max(1, count), Parts(device, count * workEach));

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
