using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>Products: every transposition, edges of tiles, sums over micro-batches.</summary>
internal static class DenseCases
{
    // An empty micro-batch in the middle, and unequal ones.
    private static readonly Segments Five = new([0, 2, 3, 3, 5, 6]);

    public static IEnumerable<OpCase> All(int size)
    {
        foreach (var (m, n, k) in new[] { (9, 21, 13), (1, 1, 1), (16, 16, 4), (3, 40, 2), (5 * size, 7 * size, 6 * size) })
            foreach (var (a, b) in new[] { (false, false), (false, true), (true, false), (true, true) })
                yield return new($"matMul {m}x{n}x{k}{(a ? " Aᵀ" : "")}{(b ? " Bᵀ" : "")}", o =>
                    o.Device.Op<IMatMul>().Multiply(new MatMulShape(m, n, k, a, b), o.In(m * k), o.In(k * n), o.Out(m * n)));
        yield return new("matMul accumulates", o =>
            o.Device.Op<IMatMul>().Multiply(new MatMulShape(6, 5, 9), o.In(54), o.In(45), o.InOut(o.In(30)), accumulate: true));
        yield return new("matMul of nothing is zero", o =>
            o.Device.Op<IMatMul>().Multiply(new MatMulShape(3, 2, 0), o.In(0), o.In(0), o.Out(6)));
        yield return new("matMul over segments", o =>
            o.Device.Op<IMatMul>().MultiplySegments(Five, 3, 5, 7, o.In(6 * 3 * 5), o.In(6 * 3 * 7), o.Out(35)));
        yield return new("matMul over one segment", o =>
            o.Device.Op<IMatMul>().MultiplySegments(Segments.One(4), 1, 3, 18, o.In(12), o.In(72), o.Out(54)));
        yield return new("matMul over segments of several chunks", o =>
            o.Device.Op<IMatMul>().MultiplySegments(new Segments([0, 1, 3]), 400, 2, 3, o.In(3 * 400 * 2), o.In(3 * 400 * 3), o.Out(6)));
        foreach (var (rows, inputs, outputs) in new[] { (5, 6, 3), (2, 33, 10), (4 * size, 3 * size, 2 * size) })
        {
            yield return new($"linear {rows}x{inputs}x{outputs}", o =>
                o.Device.Op<ILinear>().Forward(rows, inputs, outputs, o.In(rows * inputs), o.In(outputs * inputs), o.In(outputs), o.Out(rows * outputs), Epilogue.None));
            yield return new($"linear {rows}x{inputs}x{outputs}, no bias, relu", o =>
                o.Device.Op<ILinear>().Forward(rows, inputs, outputs, o.In(rows * inputs), o.In(outputs * inputs), View.None, o.Out(rows * outputs), Epilogue.Relu));
            yield return new($"linear {rows}x{inputs}x{outputs}, input gradient", o =>
                o.Device.Op<ILinear>().BackwardInput(rows, inputs, outputs, o.In(rows * outputs), o.In(outputs * inputs), o.Out(rows * inputs)));
        }
        yield return new("linear, weight gradients", o =>
            o.Device.Op<ILinear>().BackwardWeights(Five, 2, 7, 4, o.In(6 * 2 * 7), o.In(6 * 2 * 4), o.Out(28), o.Out(4)));
        yield return new("linear, weight gradients of several chunks, no bias", o =>
            o.Device.Op<ILinear>().BackwardWeights(Segments.One(2), 300, 2, 3, o.In(1200), o.In(1800), o.Out(6), View.None));
        yield return new("linear, bias gradients of several chunks", o =>
            o.Device.Op<ILinear>().BackwardWeights(new Segments([0, 2, 3]), 520, 1, 2, o.In(1560), o.In(3120), o.Out(2), o.Out(2)));
    }
}
