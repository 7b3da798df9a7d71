using DistTrain.Kernels;
using DistTrain.Kernels.Functions;

namespace DistTrain.Gpu.Tests;

/// <summary>Ops that join, rearrange, normalize and mask.</summary>
internal static class StructureCases
{
    public static IEnumerable<OpCase> All(int size)
    {
        var n = 3 * size + 5;
        foreach (var one in (OpCase[])[.. Pair(new Sum(), n), .. Pair(new SumRelu(), n), .. Pair(new Times(), n)]) yield return one;
        yield return new("mask", o => o.Device.Op<IMask>().Apply(0x1234567890ABCDEFul, 0.3f, 1.25f, 70, o.Ints(3, 100_000), o.In(210), o.Out(210)));
        var resampled = new SparseMatrix(5, 7, [(0, 6, 1f), (0, 0, 0.25f), (2, 3, -2f), (4, 1, 1f), (4, 2, 0.5f), (4, 5, 3f)]);
        yield return new("sparse product", o => o.Device.Op<ISparseProduct>().Multiply(resampled, 3, o.In(21), o.Out(15)));
        yield return new("sparse product, transposed", o => o.Device.Op<ISparseProduct>().Multiply(resampled.Transposed, 3, o.In(15), o.Out(21)));
        yield return new("sparse product of runs", o => o.Device.Op<ISparseProduct>().Multiply(resampled, 3, o.In(21 * 5), o.Out(15 * 5), 5));
        yield return new("selection", o => o.Device.Op<ISparseProduct>().Multiply(SparseMatrix.Selection(6, [5, 4, 0, 0, 1]), 2, o.In(12), o.Out(10)));
        foreach (var (channels, positions) in new[] { (7, 1), (3, size * 2 + 1) })
        {
            yield return new($"unit norm of {channels} channels", o => o.Device.Op<IUnitNorm>().Forward(3, channels, positions, 1e-12f, o.In(3 * channels * positions), o.Out(3 * channels * positions)));
            yield return new($"unit norm of {channels} channels, gradients", o => o.Device.Op<IUnitNorm>().Backward(3, channels, positions, 0.5f, o.In(3 * channels * positions), o.In(3 * channels * positions), o.Out(3 * channels * positions)));
        }
        var pool = new Pool2dShape(2, 5, 7, 2, 3, 2, 3);
        yield return new("un-pooling", o => Unpool(o, pool, backward: false));
        yield return new("un-pooling, gradients", o => Unpool(o, pool, backward: true));
        yield return new("chi-square", o => o.Device.Op<IChiSquare>().Forward(3, 19, o.In(114), o.Out(57)));
        yield return new("chi-square of zeros, gradients", o => o.Device.Op<IChiSquare>().Backward(1, 3, o.Put([0, 1, -2, 0, 3, 2]), o.In(3), o.Out(6)));
        yield return new("chi-square, gradients", o => o.Device.Op<IChiSquare>().Backward(3, 19, o.In(114), o.In(57), o.Out(114)));
        foreach (var window in new[] { 5, 4 })
        {
            var shape = new LocalResponseShape(7, size + 3, window, 0.1f, 0.75f, 2f);
            var length = 2 * 7 * (size + 3);
            yield return new($"local response norm of {window}", o => o.Device.Op<ILocalResponseNorm>().Forward(shape, 2, o.In(length), o.Out(length), o.Out(length)));
            yield return new($"local response norm of {window}, gradients", o =>
            {
                var (x, y, divisors) = (o.In(length), o.Out(length), o.Out(length));
                o.Device.Op<ILocalResponseNorm>().Forward(shape, 2, x, y, divisors);
                o.Device.Op<ILocalResponseNorm>().Backward(shape, 2, x, y, divisors, o.In(length), o.Out(length));
            });
        }
        foreach (var width in new[] { 3, 16, 37 })
            foreach (var logarithm in new[] { false, true })
            {
                yield return new($"softmax of {width}{(logarithm ? ", logarithm" : "")}", o => o.Device.Op<ISoftmax>().Forward(5, width, logarithm, o.In(5 * width, 4f), o.Out(5 * width)));
                yield return new($"softmax of {width}{(logarithm ? ", logarithm" : "")}, gradients", o => o.Device.Op<ISoftmax>().Backward(5, width, logarithm, o.In(5 * width), o.In(5 * width), o.Out(5 * width)));
            }
    }

    private static IEnumerable<OpCase> Pair<TFunction>(TFunction function, int n) where TFunction : unmanaged, IBinaryFunction
    {
        var name = typeof(TFunction).Name;
        yield return new($"{name} of two", o => o.Device.Op<IBinary<TFunction>>().Forward(function, o.In(n), o.In(n), o.Out(n)));
        yield return new($"{name} of two, gradients", o => o.Device.Op<IBinary<TFunction>>().Backward(function, o.In(n), o.In(n), o.In(n), o.In(n), o.Out(n), o.Out(n)));
        yield return new($"{name} of two, one gradient", o => o.Device.Op<IBinary<TFunction>>().Backward(function, o.In(n), o.In(n), o.In(n), o.In(n), View.None, o.Out(n)));
    }

    private static void Unpool(Operands o, in Pool2dShape shape, bool backward)
    {
        var (small, large) = (3 * shape.OutputLength, 3 * shape.InputLength);
        var (y, argmax) = (o.Out(small), o.Out(small));
        o.Device.Op<IMaxPool2d>().Forward(shape, 3, o.In(large), y, argmax);
        if (backward) o.Device.Op<IMaxUnpool2d>().Backward(shape, 3, o.In(large), argmax, o.Out(small));
        else o.Device.Op<IMaxUnpool2d>().Forward(shape, 3, o.In(small), argmax, o.Out(large));
    }
}
