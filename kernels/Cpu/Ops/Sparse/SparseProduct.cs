namespace DistTrain.Kernels;

/// <summary>y_n = S·x_n for each sample, S fixed. Each element is one FMA chain from +0 over its row's entries in order. Backward: the same with S transposed.</summary>
public interface ISparseProduct : IOp
{
    /// <param name="x">[samples, matrix.Columns].</param>
    /// <param name="y">[samples, matrix.Rows], overwritten; not x.</param>
    void Multiply(SparseMatrix matrix, int samples, View x, View y);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class SparseProductReference : ISparseProduct
{
    public SparseProductReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Multiply(SparseMatrix matrix, int samples, View x, View y)
    {
        Expect(matrix, samples, x, y);
        for (var n = 0; n < samples; n++) Rows(matrix, 0, matrix.Rows, x.Floats() + (long)n * matrix.Columns, y.Floats() + (long)n * matrix.Rows);
    }

    internal static void Rows(SparseMatrix matrix, int first, int end, float* x, float* y)
    {
        var starts = matrix.Starts;
        var columns = matrix.ColumnOf;
        var values = matrix.Values;
        for (var row = first; row < end; row++)
        {
            var sum = 0f;
            for (var i = starts[row]; i < starts[row + 1]; i++) sum = MathF.FusedMultiplyAdd(values[i], x[columns[i]], sum);
            y[row] = sum;
        }
    }

    internal static void Expect(SparseMatrix matrix, int samples, View x, View y)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        OperandCheck.Shape("sparseProduct", "x", x, samples, matrix.Columns);
        OperandCheck.Shape("sparseProduct", "y", y, samples, matrix.Rows);
    }
}

/// <summary>Threads share samples. A selection is copied run by run: + 0 turns -0 into +0, as the chain does.</summary>
internal sealed unsafe class SparseProductCpu(CpuDevice device) : ISparseProduct
{
    public void Multiply(SparseMatrix matrix, int samples, View x, View y)
    {
        SparseProductReference.Expect(matrix, samples, x, y);
        var parts = Stretch.Parts(device, samples, matrix.Rows + 2L * matrix.Values.Length);
        var job = new Job(matrix, samples, parts, x.Floats(), y.Floats());
        device.Run(ref job, parts);
    }

    private readonly struct Job(SparseMatrix matrix, int samples, int parts, float* x, float* y) : IParallelJob
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            var runs = matrix.Runs;
            for (var n = start; n < end; n++)
            {
                float* from = x + (long)n * matrix.Columns, to = y + (long)n * matrix.Rows;
                if (runs.Count == 0) SparseProductReference.Rows(matrix, 0, matrix.Rows, from, to);
                else
                    for (var i = 0; i < runs.Count; i++)
                    {
                        var (row, column, length) = runs[i];
                        for (var k = 0; k < length; k++) to[row + k] = from[column + k] + 0f;
                    }
            }
        }
    }
}
