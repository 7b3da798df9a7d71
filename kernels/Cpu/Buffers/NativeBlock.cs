using System.Runtime.InteropServices;

namespace DistTrain.Kernels;

/// <summary>Aligned native memory. Large blocks lie on huge pages where the system lends them on request: matrices of megabytes then cost no page walks.</summary>
internal static unsafe partial class NativeBlock
{
    private const nuint HugePage = 2 << 20;
    private const int AdviseHugePages = 14;

    /// <param name="hugeFrom">The size from which a whole huge page is worth its memory.</param>
    public static float* Allocate(nuint bytes, nuint hugeFrom = 2 * HugePage)
    {
        var huge = OperatingSystem.IsLinux() && bytes >= hugeFrom;
        var alignment = huge ? HugePage : CpuBuffer.AlignmentBytes;
        bytes = (Math.Max(bytes, 1) + alignment - 1) / alignment * alignment;
        var block = (float*)NativeMemory.AlignedAlloc(bytes, alignment);
        // Advice only: where it is refused, the pages stay small.
        if (huge) _ = Advise(block, bytes, AdviseHugePages);
        return block;
    }

    public static void Free(float* block) => NativeMemory.AlignedFree(block);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
