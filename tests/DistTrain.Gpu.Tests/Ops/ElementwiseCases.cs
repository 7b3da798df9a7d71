using DistTrain.Kernels;
using DistTrain.Kernels.Functions;

namespace DistTrain.Gpu.Tests;

/// <summary>One element at a time: vectors, every activation, dropout, optimizer rules, folds and norms.</summary>
public static class ElementwiseCases
{
    public static IEnumerable<OpCase> All(int size)
    {
        var n = 3 * size + 5;
        yield return new("fill", o => o.Device.Op<IVector>().Fill(o.Out(n), 2.5f));
        yield return new("copy", o => o.Device.Op<IVector>().Copy(o.In(n), o.Out(n)));
        yield return new("add", o => o.Device.Op<IVector>().Add(o.In(n), o.InOut(o.In(n))));
        yield return new("add scaled", o => o.Device.Op<IVector>().AddScaled(-0.3f, o.In(n), o.InOut(o.In(n))));
        foreach (var one in (OpCase[])[.. Function(new Absolute(), n), .. Function(new Elu(1f), n), .. Function(new Gelu(), n), .. Function(new HardSwish(), n), .. Function(new LeakyRelu(0.01f), n),
            .. Function(new Relu(), n), .. Function(new Relu6(), n), .. Function(new Selu(), n), .. Function(new Sigmoid(), n), .. Function(new Silu(), n), .. Function(new Softplus(), n), .. Function(new Tanh(), n)])
            yield return one;
        yield return new("dropout", o => o.Device.Op<IDropout>().Apply(0x1234567890ABCDEFul, 0.3f, 70, o.Ints(3, 100_000), o.In(210), o.Out(210)));
        yield return new("dropout keeps all", o => o.Device.Op<IDropout>().Apply(5, 0f, 4, o.Ints(2, 10), o.In(8), o.Out(8)));
        yield return new("tree sum", o => o.Device.Op<ITreeFold>().Sum(o.InOut(o.In(n)), o.In(n)));
        yield return new("tree moments", o => o.Device.Op<ITreeFold>().Moments(
            o.InOut(o.Put([4, 0.5f, 2, 0, 9, 9, 3, 1, 1, 0, 0, 0])), o.Put([2, -1, 0.25f, 5, 1, 2, 0, 7, 7, 0, 0, 0])));
        yield return new("block norms", o =>
        {
            var squares = new double[4];
            o.Device.Op<IBlockNorm>().SumOfSquares(o.In(300), [0, 16, 16, 150], [16, 1, 133, 150], squares);
            // Both halves of each double, as they are.
            o.InOut(o.Put([.. squares.SelectMany(square => new[] { BitConverter.UInt32BitsToSingle((uint)(BitConverter.DoubleToUInt64Bits(square) >> 40)), BitConverter.UInt32BitsToSingle((uint)(BitConverter.DoubleToUInt64Bits(square) >> 16) & 0xFFFFFF) })]));
        });
        yield return new("optimizer without state", o => o.Device.Op<IOptimizerStep<Descent>>().Run(new Descent(0.1f), 0.5f, o.InOut(o.In(n)), o.In(n), View.None, View.None, View.None));
        yield return new("optimizer with two states", o => o.Device.Op<IOptimizerStep<TwoMoments>>().Run(
            new TwoMoments(0.01f), 1f, o.InOut(o.In(n)), o.In(n), o.InOut(o.In(n)), o.InOut(o.In(n, 0.5f, 0.5f)), View.None));
    }

    // Both tails, the middle, zero, and what is not finite.
    private static IEnumerable<OpCase> Function<TFunction>(TFunction function, int n) where TFunction : unmanaged, IElementwiseFunction
    {
        var name = typeof(TFunction).Name;
        float[] special = [0f, -0f, 1e-30f, -1e-30f, 3f, -3f, 6f, 88.5f, -88.5f, 110f, -110f, 1e30f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        yield return new($"{name} at special values", o => o.Device.Op<IElementwise<TFunction>>().Forward(function, o.Put(special), o.Out(special.Length)));
        yield return new($"{name}", o => o.Device.Op<IElementwise<TFunction>>().Forward(function, o.In(n, 8f), o.Out(n)));
        yield return new($"{name} derivative", o =>
        {
            var (x, y) = (o.In(n, 8f), o.Out(n));
            o.Device.Op<IElementwise<TFunction>>().Forward(function, x, y);
            o.Device.Op<IElementwise<TFunction>>().Backward(function, x, y, o.In(n), o.Out(n));
        });
    }

    /// <summary>w &lt;- w - rate · g.</summary>
    public readonly struct Descent(float rate) : IOptimizerRule
    {
        public static int StateCount => 0;

        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T> =>
            weight = weight - T.Of(rate) * gradient;
    }

    /// <summary>A rule of Adam's form.</summary>
    public readonly struct TwoMoments(float rate) : IOptimizerRule
    {
        public static int StateCount => 2;

        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            state0 = T.Fma(T.Of(0.9f), state0, T.Of(0.1f) * gradient);
            state1 = T.Fma(T.Of(0.99f), state1, T.Of(0.01f) * (gradient * gradient));
            weight = weight - T.Of(rate) * state0 / (T.Sqrt(state1) + T.Of(1e-8f));
        }
    }
}
