using System.Runtime.CompilerServices;
using ILGPU;

namespace DistTrain.Kernels;

/// <summary>ISparseProduct on an accelerator: one thread for each element. A matrix goes to the device once.</summary>
public sealed class SparseProductGpu(GpuDevice device) : ISparseProduct
{
    private readonly GpuKernel<Arguments> _multiply = new(device, MultiplyKernel);
    private readonly ConditionalWeakTable<SparseMatrix, Uploaded> _matrices = [];

    private sealed record Uploaded(GpuBuffer Starts, GpuBuffer Columns, GpuBuffer Values);

    /// <summary>X [samples, Columns, Run], Y [samples, Rows, Run]; entries of row r are [Starts[r], Starts[r + 1]) of ColumnOf and Values.</summary>
    public readonly record struct Arguments(ArrayView<int> Starts, ArrayView<int> ColumnOf, ArrayView<float> Values, ArrayView<float> X, ArrayView<float> Y, int Rows, int Columns, int Run, int Count);

    public void Multiply(SparseMatrix matrix, int samples, View x, View y, int run = 1)
    {
        SparseProductReference.Expect(matrix, samples, x, y, run);
        if (!_matrices.TryGetValue(matrix, out var uploaded))
        {
            var values = (GpuBuffer)device.Allocate(Math.Max(1, matrix.Values.Length));
            values.Write(0, matrix.Values);
            // A matrix without entries still needs something to point at.
            _matrices.Add(matrix, uploaded = new(device.Upload(matrix.Starts), device.Upload(matrix.ColumnOf.Length > 0 ? matrix.ColumnOf : [0]), values));
        }
        _multiply.LaunchLine(y.Length, new(GpuBuffer.IntsOf(uploaded.Starts.View), GpuBuffer.IntsOf(uploaded.Columns.View), GpuBuffer.Of(uploaded.Values.View), GpuBuffer.Of(x), GpuBuffer.Of(y), matrix.Rows, matrix.Columns, run, y.Length));
    }

    private static void MultiplyKernel(Arguments a)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= a.Count) return;
        var place = i / a.Run;
        var sample = place / a.Rows;
        var row = place - sample * a.Rows;
        var from = (long)sample * a.Columns * a.Run + (i - place * a.Run);
        var sum = 0f;
        var end = a.Starts[row + 1];
        for (var entry = a.Starts[row]; entry < end; entry++) sum = MathF.FusedMultiplyAdd(a.Values[entry], a.X[from + (long)a.ColumnOf[entry] * a.Run], sum);
        a.Y[i] = sum;
    }
}
