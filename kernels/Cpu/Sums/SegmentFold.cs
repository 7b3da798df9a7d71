namespace DistTrain.Kernels;

/// <summary>Sums over rows that are already one number each: chunks of 512 rows, segments, tree, as <see cref="Segments"/> says.</summary>
internal static unsafe class SegmentFold
{
    /// <summary>A chunk of a sum over rows: counted from its segment's start, added up on its own.</summary>
    public const int ChunkRows = 512;

    /// <summary>The tree over segments of the rows' sums; rows = samples x rowsPerSample.</summary>
    public static float Rows(Segments segments, int rowsPerSample, float* rows)
    {
        var stack = stackalloc float[segments.StackDepth];
        var depth = 0;
        for (var segment = 0; segment < segments.Count; segment++)
        {
            var (start, end) = ((long)segments.Start(segment) * rowsPerSample, (long)segments.End(segment) * rowsPerSample);
            var sum = Chunk(rows, start, end);
            for (var chunk = start + ChunkRows; chunk < end; chunk += ChunkRows) sum += Chunk(rows, chunk, end);
            stack[depth++] = sum;
            for (var merge = segments.MergesAfter(segment); merge > 0; merge--, depth--) stack[depth - 2] += stack[depth - 1];
        }
        return stack[0];
    }

    /// <summary>The tree over segments of columns [first, end) of perSegment [segments, width]; overwrites perSegment, whose first row becomes the result.</summary>
    public static float* Columns(Segments segments, float* perSegment, int width, int first, int end)
    {
        // The stack holds row numbers; the rows themselves are merged in place, lower + upper.
        var stack = stackalloc int[segments.StackDepth];
        var depth = 0;
        for (var segment = 0; segment < segments.Count; segment++)
        {
            stack[depth++] = segment;
            for (var merge = segments.MergesAfter(segment); merge > 0; merge--, depth--)
            {
                var left = perSegment + (long)stack[depth - 2] * width;
                var right = perSegment + (long)stack[depth - 1] * width;
                for (var column = first; column < end; column++) left[column] += right[column];
            }
        }
        return perSegment;
    }

    private static float Chunk(float* rows, long start, long end)
    {
        var sum = 0f;
        for (var row = start; row < Math.Min(start + ChunkRows, end); row++) sum += rows[row];
        return sum;
    }
}
