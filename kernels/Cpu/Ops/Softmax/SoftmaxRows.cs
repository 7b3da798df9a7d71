using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>One row of a softmax, sixteen elements at a time.</summary>
internal static unsafe class SoftmaxRows<T> where T : unmanaged, IWideLane<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Forward(float* x, float* y, int width)
    {
        var (zero, rest, whole) = (T.Of(0f), width & 15, width & ~15);
        var m = T.Of(Largest(x, width));
        var sums = zero;
        for (var i = 0; i < whole; i += 16)
        {
            var e = Lane.Exp(T.Load(x + i) - m);
            sums = sums + e;
            T.Store(y + i, e);
        }
        var last = zero;
        if (rest > 0)
        {
            last = T.SelectBelow(rest, Lane.Exp(T.LoadPart(x + whole, rest) - m), zero);
            sums = sums + last;
        }
        var divisor = T.Of(T.Sum(sums));
        for (var i = 0; i < whole; i += 16) T.Store(y + i, T.Load(y + i) / divisor);
        if (rest > 0) T.StorePart(y + whole, rest, last / divisor);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Logarithm(float* x, float* y, int width)
    {
        var (zero, rest, whole) = (T.Of(0f), width & 15, width & ~15);
        var m = T.Of(Largest(x, width));
        var sums = zero;
        for (var i = 0; i < whole; i += 16) sums = sums + Lane.Exp(T.Load(x + i) - m);
        if (rest > 0) sums = sums + T.SelectBelow(rest, Lane.Exp(T.LoadPart(x + whole, rest) - m), zero);
        var log = T.Of(Lane.Log(Lane1.Of(T.Sum(sums))).Value);
        for (var i = 0; i < whole; i += 16) T.Store(y + i, T.Load(x + i) - m - log);
        if (rest > 0) T.StorePart(y + whole, rest, T.LoadPart(x + whole, rest) - m - log);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Backward(float* y, float* dy, float* dx, int width, bool logarithm)
    {
        var (rest, whole, sums) = (width & 15, width & ~15, T.Of(0f));
        for (var i = 0; i < whole; i += 16) sums = logarithm ? sums + T.Load(dy + i) : T.Fma(T.Load(dy + i), T.Load(y + i), sums);
        if (rest > 0) sums = T.SelectBelow(rest, logarithm ? sums + T.LoadPart(dy + whole, rest) : T.Fma(T.LoadPart(dy + whole, rest), T.LoadPart(y + whole, rest), sums), sums);
        var sum = T.Of(T.Sum(sums));
        for (var i = 0; i < whole; i += 16) T.Store(dx + i, Gradient(T.Load(y + i), T.Load(dy + i), sum, logarithm));
        if (rest > 0) T.StorePart(dx + whole, rest, Gradient(T.LoadPart(y + whole, rest), T.LoadPart(dy + whole, rest), sum, logarithm));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Gradient(T y, T dy, T sum, bool logarithm) => logarithm ? T.Fma(-Lane.Exp(y), sum, dy) : y * (dy - sum);

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Largest(float* x, int width)
    {
        var (least, rest, whole) = (T.Of(float.NegativeInfinity), width & 15, width & ~15);
        var largest = least;
        for (var i = 0; i < whole; i += 16)
        {
            var v = T.Load(x + i);
            largest = T.IfGreater(v, largest, v, largest);
        }
        if (rest > 0)
        {
            var v = T.SelectBelow(rest, T.LoadPart(x + whole, rest), least);
            largest = T.IfGreater(v, largest, v, largest);
        }
        return T.Max(largest);
    }
}
