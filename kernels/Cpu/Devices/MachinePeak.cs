using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DistTrain.Kernels;

/// <summary>What this machine can do at most, measured now: the floors that a kernel's time is divided by. Each measurement takes less than half a second.</summary>
public static unsafe class MachinePeak
{
    private const int Chains = 12;
    private const int Rounds = 8;

    /// <summary>Single-precision GFLOP/s (two for each FMA) of independent FMA chains in registers on <paramref name="threads"/> threads at once: the best of several rounds, of the wider or the narrower vectors.</summary>
    public static double FmaGflops(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        using var device = new CpuDevice(threads);
        var best = 0.0;
        foreach (var wide in Vector512.IsHardwareAccelerated ? [true, false] : new[] { false })
        {
            var job = new FmaJob { Wide = wide, Iterations = 100_000, Sums = new float[threads * 64] };
            var flops = 2.0 * Chains * (wide ? 16 : 8) * job.Iterations * threads;
            // Rounds shorter than a slice of the scheduler, and many: some have every core to themselves.
            var clock = Stopwatch.StartNew();
            for (var round = 0; round <= Rounds || clock.ElapsedMilliseconds < 200; round++) best = Math.Max(best, flops / Seconds(device, ref job, threads, round == 0));
        }
        return best / 1e9;
    }

    /// <summary>GB/s copied (each byte read and written counts once) between buffers far larger than the caches, on <paramref name="threads"/> threads at once.</summary>
    public static double CopyGigabytesPerSecond(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        const long bytes = 64L << 20;
        using var device = new CpuDevice(threads);
        var job = new CopyJob { Threads = threads, Bytes = bytes, From = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 4096), To = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 4096) };
        try
        {
            NativeMemory.Clear(job.From, (nuint)bytes);
            var best = 0.0;
            for (var round = 0; round <= Rounds; round++) best = Math.Max(best, bytes / Seconds(device, ref job, threads, round == 0));
            return best / 1e9;
        }
        finally
        {
            NativeMemory.AlignedFree(job.From);
            NativeMemory.AlignedFree(job.To);
        }
    }

    // The first round wakes threads, touches pages and does not count.
    private static double Seconds<TJob>(CpuDevice device, ref TJob job, int threads, bool warmUp) where TJob : struct, IParallelJob
    {
        var start = Stopwatch.GetTimestamp();
        device.Run(ref job, threads);
        return warmUp ? double.PositiveInfinity : Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private struct CopyJob : IParallelJob
    {
        public int Threads;
        public long Bytes;
        public byte* From;
        public byte* To;

        public readonly void Run(int part, int thread)
        {
            var (first, end) = (part * Bytes / Threads, (part + 1) * Bytes / Threads);
            Buffer.MemoryCopy(From + first, To + first, end - first, end - first);
        }
    }

    private struct FmaJob : IParallelJob
    {
        public bool Wide;
        public int Iterations;
        public float[] Sums;

        public readonly void Run(int part, int thread) => Sums[part * 64] = Wide ? Wide512(Iterations) : Wide256(Iterations);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Wide512(int iterations)
        {
            var x = Vector512.Create(0.999999f);
            Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
            for (var n = 0; n < iterations; n++)
            {
                (a, b, c) = (Vector512.FusedMultiplyAdd(x, a, x), Vector512.FusedMultiplyAdd(x, b, x), Vector512.FusedMultiplyAdd(x, c, x));
                (d, e, f) = (Vector512.FusedMultiplyAdd(x, d, x), Vector512.FusedMultiplyAdd(x, e, x), Vector512.FusedMultiplyAdd(x, f, x));
                (g, h, i) = (Vector512.FusedMultiplyAdd(x, g, x), Vector512.FusedMultiplyAdd(x, h, x), Vector512.FusedMultiplyAdd(x, i, x));
                (j, k, l) = (Vector512.FusedMultiplyAdd(x, j, x), Vector512.FusedMultiplyAdd(x, k, x), Vector512.FusedMultiplyAdd(x, l, x));
            }
            return (a + b + c + d + e + f + g + h + i + j + k + l)[0];
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Wide256(int iterations)
        {
            var x = Vector256.Create(0.999999f);
            Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
            for (var n = 0; n < iterations; n++)
            {
                (a, b, c) = (Vector256.FusedMultiplyAdd(x, a, x), Vector256.FusedMultiplyAdd(x, b, x), Vector256.FusedMultiplyAdd(x, c, x));
                (d, e, f) = (Vector256.FusedMultiplyAdd(x, d, x), Vector256.FusedMultiplyAdd(x, e, x), Vector256.FusedMultiplyAdd(x, f, x));
                (g, h, i) = (Vector256.FusedMultiplyAdd(x, g, x), Vector256.FusedMultiplyAdd(x, h, x), Vector256.FusedMultiplyAdd(x, i, x));
                (j, k, l) = (Vector256.FusedMultiplyAdd(x, j, x), Vector256.FusedMultiplyAdd(x, k, x), Vector256.FusedMultiplyAdd(x, l, x));
            }
            return (a + b + c + d + e + f + g + h + i + j + k + l)[0];
        }
    }
}
