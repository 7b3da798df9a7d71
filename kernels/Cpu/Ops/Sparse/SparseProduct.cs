using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>y_n = S·x_n for each sample, S fixed. Each element is one FMA chain from +0 over its row's entries in order. Backward: the same with S transposed.</summary>
public interface ISparseProduct : IOp
{
    /// <param name="x">[samples, matrix.Columns, run].</param>
    /// <param name="y">[samples, matrix.Rows, run], overwritten; not x.</param>
    /// <param name="run">Neighbouring elements that an entry moves alike: whole planes need no table of their elements.</param>
    void Multiply(SparseMatrix matrix, int samples, View x, View y, int run = 1);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class SparseProductReference : ISparseProduct
{
    public SparseProductReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Multiply(SparseMatrix matrix, int samples, View x, View y, int run = 1)
    {
        Expect(matrix, samples, x, y, run);
        for (var n = 0; n < samples; n++)
            for (var p = 0; p < run; p++)
                for (var row = 0; row < matrix.Rows; row++)
                {
                    var sum = 0f;
                    for (var i = matrix.Starts[row]; i < matrix.Starts[row + 1]; i++) sum = MathF.FusedMultiplyAdd(matrix.Values[i], x.Floats()[((long)n * matrix.Columns + matrix.ColumnOf[i]) * run + p], sum);
                    y.Floats()[((long)n * matrix.Rows + row) * run + p] = sum;
                }
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

    internal static void Expect(SparseMatrix matrix, int samples, View x, View y, int run)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        OperandCheck.Positive("sparseProduct", "run", run);
        OperandCheck.Shape("sparseProduct", "x", x, samples, matrix.Columns, run);
        OperandCheck.Shape("sparseProduct", "y", y, samples, matrix.Rows, run);
    }
}

/// <summary>Threads share samples. A selection is copied run by run: + 0 turns -0 into +0, as the chain does.</summary>
internal sealed unsafe class SparseProductCpu(CpuDevice device) : ISparseProduct
{
    public void Multiply(SparseMatrix matrix, int samples, View x, View y, int run = 1)
    {
        SparseProductReference.Expect(matrix, samples, x, y, run);
        var parts = Stretch.Parts(device, samples, (matrix.Rows + 2L * matrix.Values.Length) * run);
        if (run == 1)
        {
            var job = new Job(matrix, samples, parts, x.Floats(), y.Floats());
            device.Run(ref job, parts);
        }
        else if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new RunJob<Lane512>(matrix, samples, parts, run, x.Floats(), y.Floats());
            device.Run(ref job, parts);
        }
        else
        {
            var job = new RunJob<Lane256>(matrix, samples, parts, run, x.Floats(), y.Floats());
            device.Run(ref job, parts);
        }
    }

    // Sixteen elements of a run at a time, each its own chain.
    private readonly struct RunJob<T>(SparseMatrix matrix, int samples, int parts, int run, float* x, float* y) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            for (var n = start; n < end; n++) Rows(matrix, run, x + (long)n * matrix.Columns * run, y + (long)n * matrix.Rows * run);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Rows(SparseMatrix matrix, int run, float* from, float* to)
        {
            var starts = matrix.Starts;
            var columns = matrix.ColumnOf;
            var values = matrix.Values;
            for (var row = 0; row < matrix.Rows; row++, to += run)
            {
                var (first, end) = (starts[row], starts[row + 1]);
                var p = 0;
                for (; p + 16 <= run; p += 16)
                {
                    var sum = T.Of(0f);
                    for (var i = first; i < end; i++) sum = T.Fma(T.Of(values[i]), T.Load(from + (long)columns[i] * run + p), sum);
                    T.Store(to + p, sum);
                }
                if (p == run) continue;
                var last = T.Of(0f);
                for (var i = first; i < end; i++) last = T.Fma(T.Of(values[i]), T.LoadPart(from + (long)columns[i] * run + p, run - p), last);
                T.StorePart(to + p, run - p, last);
            }
        }
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
