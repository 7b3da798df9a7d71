namespace DistTrain.Kernels;

/// <summary>
/// A sum over samples as a list of runs for the tile kernel: run = chunk. After a chunk the running sum is merged with the
/// stack's top (lower + upper): once for every chunk after a segment's first, and as often as the tree says after its last.
/// </summary>
internal static unsafe class TileRuns
{
    /// <summary>Rows of one FMA chain at most.</summary>
    public const int ChunkRows = 512;

    public static int Count(Segments segments, int rowsPerSample)
    {
        var count = 0;
        for (var segment = 0; segment < segments.Count; segment++) count += Chunks(segments, segment, rowsPerSample);
        return count;
    }

    /// <summary>Entries the stack needs at most.</summary>
    public static int StackDepth(Segments segments) => segments.StackDepth + 1;

    public static void Fill(Segments segments, int rowsPerSample, int* rows, int* merges)
    {
        for (var segment = 0; segment < segments.Count; segment++)
        {
            var left = (long)(segments.End(segment) - segments.Start(segment)) * rowsPerSample;
            var chunks = Chunks(segments, segment, rowsPerSample);
            for (var chunk = 0; chunk < chunks; chunk++, left -= ChunkRows)
            {
                *rows++ = (int)Math.Min(left, ChunkRows);
                *merges++ = (chunk > 0 ? 1 : 0) + (chunk == chunks - 1 ? segments.MergesAfter(segment) : 0);
            }
        }
    }

    private static int Chunks(Segments segments, int segment, int rowsPerSample) =>
        (int)(((long)(segments.End(segment) - segments.Start(segment)) * rowsPerSample + ChunkRows - 1) / ChunkRows);
}

/// <summary>The same fold for one element, for the reference loops: push a chunk's sum, merge as the runs say.</summary>
internal ref struct PartialSums(Span<float> stack)
{
    private readonly Span<float> _stack = stack;
    private int _depth;

    public readonly float Total => _stack[0];

    public void Push(float sum, int merges)
    {
        for (; merges > 0; merges--) sum = _stack[--_depth] + sum;
        _stack[_depth++] = sum;
    }
}
