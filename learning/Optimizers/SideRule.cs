using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>g &lt;- c·g + s·h: the main loss's gradient g with its factor and the clip, the side losses' h with the clip alone. g stands in the weight's place, h in the gradient's.</summary>
public readonly struct SideRule(float coefficient, float side) : IOptimizerRule
{
    public static int StateCount => 0;

    /// <summary>Σ(f·g + h)² from the sums over a block; rounding does not take it below 0.</summary>
    public static double SumOfSquares(double main, double cross, double sides, double factor) => Math.Max(0.0, factor * factor * main + 2.0 * factor * cross + sides);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T> =>
        weight = T.Fma(T.Of(side), gradient, T.Of(coefficient) * weight);
}
