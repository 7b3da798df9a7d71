using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>The inner loops of a depthwise convolution on panels of sixteen channels.</summary>
internal static unsafe class DepthwiseTaps<T> where T : unmanaged, IWideLane<T>
{
    private const int Lanes = 16;

    /// <summary>y[j] = chain over taps of x[j·xStep + offsets[tap]] · w[places[tap]]: four positions share a tap's weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Sum(float* x, int xStep, float* w, int* offsets, int* places, int taps, float* y, int yStep, int count)
    {
        var j = 0;
        for (; j + 4 <= count; j += 4, x += 4 * (nint)xStep, y += 4 * (nint)yStep)
        {
            T a = T.Of(0f), b = T.Of(0f), c = T.Of(0f), d = T.Of(0f);
            for (var tap = 0; tap < taps; tap++)
            {
                var p = x + offsets[tap];
                var weight = T.Load(w + places[tap]);
                a = T.Fma(T.Load(p), weight, a);
                b = T.Fma(T.Load(p + xStep), weight, b);
                c = T.Fma(T.Load(p + 2 * xStep), weight, c);
                d = T.Fma(T.Load(p + 3 * xStep), weight, d);
            }
            T.Store(y, a);
            T.Store(y + yStep, b);
            T.Store(y + 2 * yStep, c);
            T.Store(y + 3 * yStep, d);
        }
        for (; j < count; j++, x += xStep, y += yStep)
        {
            var a = T.Of(0f);
            for (var tap = 0; tap < taps; tap++) a = T.Fma(T.Load(x + offsets[tap]), T.Load(w + places[tap]), a);
            T.Store(y, a);
        }
    }

    /// <summary>y + bias, then ReLU when asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Finish(float* y, int count, float* bias, int channels, bool relu)
    {
        var (shift, zero) = (bias == null ? T.Of(0f) : T.LoadPart(bias, channels), T.Of(0f));
        for (var i = 0; i < count; i++, y += Lanes)
        {
            var v = T.Load(y);
            if (bias != null) v = v + shift;
            T.Store(y, relu ? T.IfGreater(zero, v, zero, v) : v);
        }
    }

    /// <summary>sums[tap] continues its chain over positions: dy[p] · x[positions[p] + offsets[tap]].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Products(float* x, float* dy, int* positions, int count, int* offsets, int taps, float* sums)
    {
        var tap = 0;
        for (; tap + 9 <= taps; tap += 9) Nine(x, dy, positions, count, offsets + tap, sums + tap * Lanes);
        for (; tap + 5 <= taps; tap += 5) Five(x, dy, positions, count, offsets + tap, sums + tap * Lanes);
        for (; tap < taps; tap++)
        {
            var (sum, at) = (T.Load(sums + tap * Lanes), offsets[tap]);
            for (var p = 0; p < count; p++) sum = T.Fma(T.Load(dy + p * Lanes), T.Load(x + positions[p] + at), sum);
            T.Store(sums + tap * Lanes, sum);
        }
    }

    /// <summary>a += b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Add(float* a, float* b, int count)
    {
        for (var i = 0; i < count; i += Lanes) T.Store(a + i, T.Load(a + i) + T.Load(b + i));
    }

    // A 3 x 3 window's sums as locals: nine chains hide the FMA's latency.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Nine(float* x, float* dy, int* positions, int count, int* offsets, float* sums)
    {
        T s0 = T.Load(sums), s1 = T.Load(sums + 16), s2 = T.Load(sums + 32), s3 = T.Load(sums + 48), s4 = T.Load(sums + 64);
        T s5 = T.Load(sums + 80), s6 = T.Load(sums + 96), s7 = T.Load(sums + 112), s8 = T.Load(sums + 128);
        var (o1, o2, o3, o4) = (offsets[1] - offsets[0], offsets[2] - offsets[0], offsets[3] - offsets[0], offsets[4] - offsets[0]);
        var (o5, o6, o7, o8) = (offsets[5] - offsets[0], offsets[6] - offsets[0], offsets[7] - offsets[0], offsets[8] - offsets[0]);
        x += offsets[0];
        for (var p = 0; p < count; p++, dy += Lanes)
        {
            var g = T.Load(dy);
            var q = x + positions[p];
            s0 = T.Fma(g, T.Load(q), s0);
            s1 = T.Fma(g, T.Load(q + o1), s1);
            s2 = T.Fma(g, T.Load(q + o2), s2);
            s3 = T.Fma(g, T.Load(q + o3), s3);
            s4 = T.Fma(g, T.Load(q + o4), s4);
            s5 = T.Fma(g, T.Load(q + o5), s5);
            s6 = T.Fma(g, T.Load(q + o6), s6);
            s7 = T.Fma(g, T.Load(q + o7), s7);
            s8 = T.Fma(g, T.Load(q + o8), s8);
        }
        T.Store(sums, s0);
        T.Store(sums + 16, s1);
        T.Store(sums + 32, s2);
        T.Store(sums + 48, s3);
        T.Store(sums + 64, s4);
        T.Store(sums + 80, s5);
        T.Store(sums + 96, s6);
        T.Store(sums + 112, s7);
        T.Store(sums + 128, s8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Five(float* x, float* dy, int* positions, int count, int* offsets, float* sums)
    {
        T s0 = T.Load(sums), s1 = T.Load(sums + 16), s2 = T.Load(sums + 32), s3 = T.Load(sums + 48), s4 = T.Load(sums + 64);
        for (var p = 0; p < count; p++, dy += Lanes)
        {
            var g = T.Load(dy);
            var q = x + positions[p];
            s0 = T.Fma(g, T.Load(q + offsets[0]), s0);
            s1 = T.Fma(g, T.Load(q + offsets[1]), s1);
            s2 = T.Fma(g, T.Load(q + offsets[2]), s2);
            s3 = T.Fma(g, T.Load(q + offsets[3]), s3);
            s4 = T.Fma(g, T.Load(q + offsets[4]), s4);
        }
        T.Store(sums, s0);
        T.Store(sums + 16, s1);
        T.Store(sums + 32, s2);
        T.Store(sums + 48, s3);
        T.Store(sums + 64, s4);
    }
}
