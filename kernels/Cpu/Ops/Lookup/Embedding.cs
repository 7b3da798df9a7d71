namespace DistTrain.Kernels;

/// <summary>y[r] = table[id_r]: one row of the table for each token.  ids [rows] as whole float32 numbers, table [V, D], y [rows, D].</summary>
/// <remarks>
/// The table's gradient is sparse: for each token its rows add in order from +0 within a segment, segments that hold the token meet in the tree
/// (a sum that starts at +0 is never -0, so absent segments change nothing); tokens that no row holds get +0.
/// </remarks>
public interface IEmbedding : IOp
{
    /// <param name="ids">[rows], whole numbers in [0, vocabulary).</param>
    /// <param name="y">[rows, width], overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not a token.</exception>
    void Forward(int vocabulary, int width, View ids, View table, View y);

    /// <param name="rowsPerSample">Rows are sample-major.</param>
    /// <param name="dTable">[vocabulary, width], overwritten.</param>
    void BackwardTable(Segments segments, int rowsPerSample, int vocabulary, int width, View ids, View dy, View dTable);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class EmbeddingReference : IEmbedding
{
    public EmbeddingReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(int vocabulary, int width, View ids, View table, View y)
    {
        ExpectForward(vocabulary, width, ids, table, y);
        for (var row = 0; row < ids.Length; row++)
            for (var i = 0; i < width; i++) y.Floats()[(long)row * width + i] = table.Floats()[(long)ids.Floats()[row] * width + i];
    }

    public void BackwardTable(Segments segments, int rowsPerSample, int vocabulary, int width, View ids, View dy, View dTable)
    {
        ExpectBackward(segments, rowsPerSample, vocabulary, width, ids, dy, dTable);
        Span<float> stack = stackalloc float[segments.StackDepth];
        for (var token = 0; token < vocabulary; token++)
            for (var i = 0; i < width; i++)
            {
                var sums = new PartialSums(stack);
                for (var segment = 0; segment < segments.Count; segment++)
                {
                    var sum = 0f;
                    for (var row = segments.Start(segment) * rowsPerSample; row < segments.End(segment) * rowsPerSample; row++)
                        if ((int)ids.Floats()[row] == token) sum += dy.Floats()[(long)row * width + i];
                    sums.Push(sum, segments.MergesAfter(segment));
                }
                dTable.Floats()[(long)token * width + i] = sums.Total;
            }
    }

    internal static void ExpectForward(int vocabulary, int width, View ids, View table, View y)
    {
        OperandCheck.Positive("embedding", "vocabulary", vocabulary);
        OperandCheck.Positive("embedding", "width", width);
        OperandCheck.Shape("embedding", "table", table, vocabulary, width);
        OperandCheck.Shape("embedding", "y", y, ids.Length, width);
        for (var row = 0; row < ids.Length; row++)
        {
            var id = ids.Floats()[row];
            if (!(id >= 0 && id < vocabulary && id == (int)id))
                throw new ArgumentOutOfRangeException(nameof(ids), $"the token of row {row} is {id}; it must be a whole number in [0, {vocabulary}).");
        }
    }

    internal static void ExpectBackward(Segments segments, int rowsPerSample, int vocabulary, int width, View ids, View dy, View dTable)
    {
        ArgumentNullException.ThrowIfNull(segments);
        OperandCheck.Positive("embedding", "rowsPerSample", rowsPerSample);
        OperandCheck.Shape("embedding", "ids", ids, segments.Samples, rowsPerSample);
        OperandCheck.Shape("embedding", "dy", dy, ids.Length, width);
        OperandCheck.Shape("embedding", "dTable", dTable, vocabulary, width);
    }
}
