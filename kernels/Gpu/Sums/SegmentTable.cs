using ILGPU;

namespace DistTrain.Kernels;

/// <summary>Segments as a kernel sees them: where each starts and ends (in samples), the merges after it, and the segment of a sample.</summary>
/// <param name="Table">int: starts [Count + 1], merges [Count], segment of each sample.</param>
public readonly record struct SegmentTable(ArrayView<int> Table, int Count)
{
    public int Start(int segment) => Table[segment];

    public int End(int segment) => Table[segment + 1];

    public int MergesAfter(int segment) => Table[Count + 1 + segment];

    public int SegmentOf(int sample) => Table[2 * Count + 1 + sample];

    /// <summary>The table's content on the host.</summary>
    public static int[] Content(Segments segments)
    {
        var content = new int[2 * segments.Count + 1 + segments.Samples];
        for (var segment = 0; segment < segments.Count; segment++)
        {
            (content[segment], content[segments.Count + 1 + segment]) = (segments.Start(segment), segments.MergesAfter(segment));
            content.AsSpan(2 * segments.Count + 1 + segments.Start(segment), segments.End(segment) - segments.Start(segment)).Fill(segment);
        }
        content[segments.Count] = segments.Samples;
        return content;
    }
}

/// <summary>Which rows a slot adds up: chunks of 512 rows counted from their segment's start. Slot = segment · Chunks + (chunk - FirstChunk).</summary>
/// <param name="FirstChunk">The wave's first chunk in every segment.</param>
/// <param name="Chunks">The wave's chunks in every segment; those past a segment's end are empty.</param>
public readonly record struct ChunkTable(SegmentTable Segments, int RowsPerSample, int FirstChunk, int Chunks)
{
    public int FirstRow(int slot)
    {
        var segment = slot / Chunks;
        var row = Segments.Start(segment) * RowsPerSample + (FirstChunk + slot - segment * Chunks) * SegmentSums.ChunkRows;
        var end = Segments.End(segment) * RowsPerSample;
        return row < end ? row : end;
    }

    public int EndRow(int slot)
    {
        var row = FirstRow(slot) + SegmentSums.ChunkRows;
        var end = Segments.End(slot / Chunks) * RowsPerSample;
        return row < end ? row : end;
    }

    /// <summary>Chunks of the whole segment.</summary>
    public int ChunksOf(int segment) => ((Segments.End(segment) - Segments.Start(segment)) * RowsPerSample + SegmentSums.ChunkRows - 1) / SegmentSums.ChunkRows;
}
