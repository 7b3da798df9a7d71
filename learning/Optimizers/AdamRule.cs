using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What Adam and AdamW share: w &lt;- shrink·w ;  d = g + addedDecay·w ;  moments ;  w &lt;- w - rate·m / (root·√v + epsilon).</summary>
public readonly struct AdamRule : IOptimizerRule
{
    private readonly float _rate;
    private readonly float _root;
    private readonly float _beta1;
    private readonly float _rest1;
    private readonly float _beta2;
    private readonly float _rest2;
    private readonly float _epsilon;
    private readonly float _addedDecay;
    private readonly float _shrink;

    /// <param name="scalars">From <see cref="Scalars"/>.</param>
    public AdamRule(ReadOnlySpan<float> scalars, double beta1, double beta2, double epsilon, double addedDecay)
    {
        (_rate, _root, _shrink) = (scalars[0], scalars[1], scalars[2]);
        (_beta1, _rest1, _beta2, _rest2) = ((float)beta1, (float)(1.0 - beta1), (float)beta2, (float)(1.0 - beta2));
        (_epsilon, _addedDecay) = ((float)epsilon, (float)addedDecay);
    }

    public static int StateCount => 2;

    /// <summary>Rate = lr / (1 - β1ᵗ), root = 1 / √(1 - β2ᵗ) and shrink, in double, rounded once.</summary>
    public static int Scalars(long update, double learningRate, double beta1, double beta2, double shrink, Span<float> scalars)
    {
        var t = (int)Math.Min(update, int.MaxValue);
        scalars[0] = (float)(learningRate / (1.0 - Scalar64.Power(beta1, t)));
        scalars[1] = (float)(1.0 / Math.Sqrt(1.0 - Scalar64.Power(beta2, t)));
        scalars[2] = (float)shrink;
        return 3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
    {
        weight = T.Of(_shrink) * weight;
        var d = T.Fma(T.Of(_addedDecay), weight, gradient);
        state0 = T.Fma(T.Of(_beta1), state0, T.Of(_rest1) * d);
        state1 = T.Fma(T.Of(_beta2), state1, T.Of(_rest2) * d * d);
        var step = state0 / T.Fma(T.Sqrt(state1), T.Of(_root), T.Of(_epsilon));
        weight = T.Fma(T.Of(-_rate), step, weight);
    }
}
