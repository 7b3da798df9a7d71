using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>g &lt;- clamp(c·g, ±limit) + l2·w + l1·sign(w): the gradient stands in the weight's place, the weight in the gradient's.</summary>
public readonly struct GradientRule(float coefficient, float limit, float l1, float l2) : IOptimizerRule
{
    public static int StateCount => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
    {
        var (zero, most) = (T.Of(0f), T.Of(limit));
        var g = T.Of(coefficient) * weight;
        g = T.IfGreater(g, most, most, g);
        g = T.IfGreater(-most, g, -most, g);
        var sign = T.IfGreater(gradient, zero, T.Of(1f), T.IfGreater(zero, gradient, T.Of(-1f), zero));
        weight = T.Fma(T.Of(l1), sign, T.Fma(T.Of(l2), gradient, g));
    }
}
