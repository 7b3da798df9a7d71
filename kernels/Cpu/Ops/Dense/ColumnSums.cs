using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>sums [columns] of a matrix's rows, folded as <see cref="TileRuns"/> says: each column is one chain of additions per run. Lanes are columns; parts are ranges of blocks of columns.</summary>
internal readonly unsafe struct ColumnSums<T>(CpuDevice device, float* rows, int columns, float* sums, int* runRows, int* runMerges, int runCount, int stackDepth, int parts) : IParallelJob
    where T : unmanaged, IWideLane<T>
{
    private const int Lanes = 16;

    // Chains side by side hide the latency of an addition.
    private const int Block = 4 * Lanes;

    public static int Parts(CpuDevice device, int columns, long rows) => Math.Min((columns + Block - 1) / Block, Stretch.Parts(device, columns * rows));

    public void Run(int part, int thread)
    {
        var stack = device.Scratch(thread, (long)stackDepth * Block);
        var (first, end) = Stretch.Items(part, parts, (columns + Block - 1) / Block);
        for (var block = first; block < end; block++) Sum(block * Block, stack);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void Sum(int column, float* stack)
    {
        var present = Math.Min(Block, columns - column);
        var from = rows + column;
        var top = stack;
        for (var run = 0; run < runCount; run++)
        {
            T a = T.Of(0f), b = a, c = a, d = a;
            if (present == Block)
                for (var row = 0; row < runRows[run]; row++, from += columns)
                    (a, b, c, d) = (a + T.Load(from), b + T.Load(from + Lanes), c + T.Load(from + 2 * Lanes), d + T.Load(from + 3 * Lanes));
            else
            {
                int p0 = Math.Min(Lanes, present), p1 = Math.Clamp(present - Lanes, 0, Lanes), p2 = Math.Clamp(present - 2 * Lanes, 0, Lanes), p3 = Math.Clamp(present - 3 * Lanes, 0, Lanes);
                for (var row = 0; row < runRows[run]; row++, from += columns)
                {
                    a = a + T.LoadPart(from, p0);
                    if (p1 > 0) b = b + T.LoadPart(from + Lanes, p1);
                    if (p2 > 0) c = c + T.LoadPart(from + 2 * Lanes, p2);
                    if (p3 > 0) d = d + T.LoadPart(from + 3 * Lanes, p3);
                }
            }
            for (var merges = runMerges[run]; merges > 0; merges--)
            {
                top -= Block;
                (a, b, c, d) = (T.Load(top) + a, T.Load(top + Lanes) + b, T.Load(top + 2 * Lanes) + c, T.Load(top + 3 * Lanes) + d);
            }
            T.Store(top, a);
            T.Store(top + Lanes, b);
            T.Store(top + 2 * Lanes, c);
            T.Store(top + 3 * Lanes, d);
            top += Block;
        }
        new Span<float>(stack, present).CopyTo(new Span<float>(sums + column, present));
    }
}
