using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>
/// Sums over samples in two passes and a fixed order, without atomics: some kernel writes each chunk's sum into a slot, then
/// chunks add in order within their segment and segments fold in the tree of <see cref="Segments"/>.
/// </summary>
/// <remarks>Slots that do not fit the working memory go in waves; the segment's running sum continues, so waves change no bit.</remarks>
public sealed class SegmentSums(GpuDevice device)
{
    /// <summary>Rows of a chunk at most.</summary>
    public const int ChunkRows = 512;

    // Chunk sums held at once, in elements: 256 MiB.
    private const long SlotElements = 64 << 20;

    private readonly GpuKernel<ChunkArguments> _addChunks = new(device, AddChunksKernel);
    private readonly GpuKernel<TreeArguments> _fold = new(device, FoldKernel);
    private readonly GpuKernel<ColumnArguments> _columns = new(device, ColumnsKernel);

    /// <summary>Slots [segments · Chunks, Width] are added to Sums [segments, Width].</summary>
    public readonly record struct ChunkArguments(ChunkTable Chunks, ArrayView<float> Slots, ArrayView<float> Sums, int Width);

    /// <summary>Sums [segments, Width], overwritten, fold into Result [Width]; Add = 1: onto what is there.</summary>
    public readonly record struct TreeArguments(SegmentTable Segments, ArrayView<float> Sums, ArrayView<float> Result, int Width, int Add);

    /// <summary>Rows [rows, Width] summed over each slot's rows.</summary>
    public readonly record struct ColumnArguments(ChunkTable Chunks, ArrayView<float> Rows, ArrayView<float> Slots, int Width);

    /// <summary>One sum: its working memory and its waves.</summary>
    public readonly record struct Plan(SegmentTable Segments, int RowsPerSample, int Width, int MaxChunks, int ChunksPerWave, ArrayView<float> Slots, ArrayView<float> Sums)
    {
        public int Waves => (MaxChunks + ChunksPerWave - 1) / ChunksPerWave;

        public int SlotCount(int wave) => Segments.Count * Chunks(wave).Chunks;

        public ChunkTable Chunks(int wave) =>
            new(Segments, RowsPerSample, wave * ChunksPerWave, Math.Min(ChunksPerWave, MaxChunks - wave * ChunksPerWave));
    }

    /// <summary>Plans a sum of rows with so many columns. The plan's memory is the device's working memory: finish it before the next plan.</summary>
    /// <param name="reserve">Elements at the start of the working memory that the caller uses for itself.</param>
    public Plan Begin(Segments segments, int rowsPerSample, int width, long reserve = 0)
    {
        var longest = 0;
        for (var segment = 0; segment < segments.Count; segment++) longest = Math.Max(longest, segments.End(segment) - segments.Start(segment));
        var maxChunks = (int)(((long)longest * rowsPerSample + ChunkRows - 1) / ChunkRows);
        var sums = (long)segments.Count * width;
        if (sums > int.MaxValue)
            throw new NotSupportedException($"{segments.Count} micro-batches times {width} sums exceed {int.MaxValue} elements of working memory; lease fewer micro-batches at a time.");
        var perWave = (int)Math.Clamp(SlotElements / sums, 1, maxChunks);
        var slots = maxChunks == 1 ? 0 : sums * perWave;
        var memory = device.Scratch(reserve + sums + slots);
        var sumView = memory.SubView(reserve, sums);
        // With one chunk a segment the slots are the segments' sums.
        return new(device.Table(segments), rowsPerSample, width, maxChunks, perWave, slots == 0 ? sumView : memory.SubView(reserve + sums, slots), sumView);
    }

    /// <summary>After the wave's slots are written: adds them to the segments' sums, in order.</summary>
    public void AddChunks(in Plan plan, int wave)
    {
        if (plan.MaxChunks > 1) _addChunks.LaunchLine((long)plan.Segments.Count * plan.Width, new(plan.Chunks(wave), plan.Slots, plan.Sums, plan.Width));
    }

    /// <summary>Folds the segments' sums into result [width]; onto its elements when <paramref name="add"/>.</summary>
    public void Finish(in Plan plan, ArrayView<float> result, bool add = false) => Fold(plan.Segments, plan.Sums, plan.Width, result, add);

    /// <summary>The tree over sums [segments, width], which are overwritten.</summary>
    public void Fold(SegmentTable segments, ArrayView<float> sums, int width, ArrayView<float> result, bool add = false) =>
        _fold.LaunchLine(width, new(segments, sums, result, width, add ? 1 : 0));

    /// <summary>The whole sum over the rows of a matrix [rows, width]: each column by itself.</summary>
    /// <param name="reserve">Elements at the start of the working memory that hold <paramref name="rows"/>.</param>
    public void Columns(Segments segments, int rowsPerSample, int width, ArrayView<float> rows, ArrayView<float> result, bool add = false, long reserve = 0)
    {
        var plan = Begin(segments, rowsPerSample, width, reserve);
        for (var wave = 0; wave < plan.Waves; wave++)
        {
            _columns.LaunchLine((long)plan.SlotCount(wave) * width, new(plan.Chunks(wave), rows, plan.Slots, width));
            AddChunks(plan, wave);
        }
        Finish(plan, result, add);
    }

    private static void ColumnsKernel(ColumnArguments a)
    {
        var i = Grid.GlobalIndex.X;
        var slot = i / a.Width;
        if (slot >= a.Chunks.Segments.Count * a.Chunks.Chunks) return;
        var column = i - slot * a.Width;
        var sum = 0f;
        var end = a.Chunks.EndRow(slot);
        for (var row = a.Chunks.FirstRow(slot); row < end; row++) sum += a.Rows[(long)row * a.Width + column];
        a.Slots[i] = sum;
    }

    private static void AddChunksKernel(ChunkArguments a)
    {
        var i = Grid.GlobalIndex.X;
        var segment = i / a.Width;
        if (segment >= a.Chunks.Segments.Count) return;
        var column = i - segment * a.Width;
        var present = a.Chunks.ChunksOf(segment) - a.Chunks.FirstChunk;
        if (present > a.Chunks.Chunks) present = a.Chunks.Chunks;
        if (present <= 0) return;
        var slot = (long)segment * a.Chunks.Chunks;
        var sum = a.Slots[slot * a.Width + column];
        if (a.Chunks.FirstChunk > 0) sum = a.Sums[i] + sum;
        for (var chunk = 1; chunk < present; chunk++) sum += a.Slots[(slot + chunk) * a.Width + column];
        a.Sums[i] = sum;
    }

    // The stack of partial sums lies in the sums themselves: entry d is row d, which is never above the segment being read.
    private static void FoldKernel(TreeArguments a)
    {
        var column = Grid.GlobalIndex.X;
        if (column >= a.Width) return;
        var depth = 0;
        var sum = 0f;
        for (var segment = 0; segment < a.Segments.Count; segment++)
        {
            sum = a.Sums[(long)segment * a.Width + column];
            for (var merge = a.Segments.MergesAfter(segment); merge > 0; merge--)
            {
                depth--;
                sum = a.Sums[(long)depth * a.Width + column] + sum;
            }
            a.Sums[(long)depth * a.Width + column] = sum;
            depth++;
        }
        a.Result[column] = a.Add != 0 ? a.Result[column] + sum : sum;
    }
}
