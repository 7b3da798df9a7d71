using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IBlockNorm"/>
public sealed unsafe class BlockNormReference : IBlockNorm
{
    public BlockNormReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void SumOfSquares(View gradient, ReadOnlySpan<int> starts, ReadOnlySpan<int> lengths, Span<double> squares)
    {
        BlockNormCpu.ExpectBlocks(gradient, starts, lengths, squares);
        Span<double> lanes = stackalloc double[LaneFold.Lanes];
        for (var block = 0; block < starts.Length; block++)
        {
            lanes.Clear();
            for (var i = 0; i < lengths[block]; i++)
            {
                double g = gradient.Floats()[starts[block] + i];
                lanes[i % LaneFold.Lanes] += g * g;
            }
            squares[block] = LaneFold.Sum(lanes);
        }
    }
}

/// <inheritdoc cref="IBlockNorm"/>
public sealed unsafe class BlockNormCpu(CpuDevice device) : IBlockNorm
{
    public void SumOfSquares(View gradient, ReadOnlySpan<int> starts, ReadOnlySpan<int> lengths, Span<double> squares)
    {
        ExpectBlocks(gradient, starts, lengths, squares);
        if (starts.IsEmpty) return;
        fixed (int* start = starts, length = lengths)
        fixed (double* result = squares)
        {
            var parts = Stretch.Parts(device, starts.Length, gradient.Length / starts.Length);
            var job = new Job(gradient.Floats(), start, length, result, starts.Length, parts, device.InstructionSet == InstructionSet.Vector512);
            device.Run(ref job, parts);
        }
    }

    internal static void ExpectBlocks(View gradient, ReadOnlySpan<int> starts, ReadOnlySpan<int> lengths, Span<double> squares)
    {
        if (lengths.Length != starts.Length || squares.Length != starts.Length)
            throw new ArgumentException($"{starts.Length} starts come with {lengths.Length} lengths and {squares.Length} results; the three must agree.", nameof(lengths));
        for (var i = 0; i < starts.Length; i++)
            if (starts[i] < 0 || lengths[i] < 0 || (long)starts[i] + lengths[i] > gradient.Length)
                throw new ArgumentOutOfRangeException(nameof(starts), $"block {i} is elements [{starts[i]}, {(long)starts[i] + lengths[i]}); it must lie in the gradient's {gradient.Length}.");
    }

    private readonly struct Job(float* gradient, int* starts, int* lengths, double* squares, int count, int parts, bool wide) : IParallelJob
    {
        public void Run(int part, int thread)
        {
            var (first, end) = Stretch.Items(part, parts, count);
            for (var i = first; i < end; i++) squares[i] = wide ? Sum512(gradient + starts[i], lengths[i]) : Sum256(gradient + starts[i], lengths[i]);
        }

        // The product of two floats is exact in double: fused or not, the bits are the same.
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static double Sum512(float* g, int count)
        {
            var (a, b) = (Vector512<double>.Zero, Vector512<double>.Zero);   // lanes 0 to 7, 8 to 15
            var tail = stackalloc float[16];
            for (var i = 0; i < count; i += 16)
            {
                var (low, high) = Vector512.Widen(Vector512.Load(Sixteen(g + i, count - i, tail)));
                a = Vector512.FusedMultiplyAdd(low, low, a);
                b = Vector512.FusedMultiplyAdd(high, high, b);
            }
            return Fold(a.GetLower() + b.GetLower(), a.GetUpper() + b.GetUpper());
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static double Sum256(float* g, int count)
        {
            var (a, b) = (Vector256<double>.Zero, Vector256<double>.Zero);   // lanes 0 to 3, 4 to 7
            var (c, d) = (Vector256<double>.Zero, Vector256<double>.Zero);   // lanes 8 to 11, 12 to 15
            var tail = stackalloc float[16];
            for (var i = 0; i < count; i += 16)
            {
                var from = Sixteen(g + i, count - i, tail);
                var (v0, v1) = Vector256.Widen(Vector256.Load(from));
                var (v2, v3) = Vector256.Widen(Vector256.Load(from + 8));
                a = Vector256.FusedMultiplyAdd(v0, v0, a);
                b = Vector256.FusedMultiplyAdd(v1, v1, b);
                c = Vector256.FusedMultiplyAdd(v2, v2, c);
                d = Vector256.FusedMultiplyAdd(v3, v3, d);
            }
            return Fold(a + c, b + d);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static float* Sixteen(float* from, int count, float* tail)
        {
            if (count >= 16) return from;
            for (var i = 0; i < 16; i++) tail[i] = i < count ? from[i] : 0;
            return tail;
        }

        // From 8 lanes on: 0 to 3 and 4 to 7.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static double Fold(Vector256<double> low, Vector256<double> high)
        {
            var four = low + high;
            var two = four.GetLower() + four.GetUpper();
            return two.GetElement(0) + two.GetElement(1);
        }
    }
}
