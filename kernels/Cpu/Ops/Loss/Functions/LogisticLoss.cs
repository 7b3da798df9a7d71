using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = -(p·t·ln σ(y) + (1 - t)·ln(1 - σ(y))) = p·t·softplus(-y) + (1 - t)·softplus(y), p the weight of positives.  F' = (1 - t)·σ(y) - p·t·σ(-y).</summary>
public readonly struct LogisticLoss(float positiveWeight) : ILossFunction
{
    public static bool CountsHits => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        // softplus(±y) = max(±y, 0) + ln(1 + e^-|y|); no term cancels another, so a small loss keeps its digits.
        var (positive, negative) = (T.Of(positiveWeight) * target, T.Of(1f) - target);
        var beyond = T.IfGreater(y, T.Of(0f), negative * y, -(positive * y));
        return T.Fma(positive + negative, Lane.Log1p(Lane.Exp(-T.Abs(y))), beyond);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        // 1 - σ(y) = σ(-y), which does not cancel
        return T.Fma(T.Of(1f) - target, Lane.Sigmoid(y), -(T.Of(positiveWeight) * target * Lane.Sigmoid(-y)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.IfGreater(y, T.Of(0f), T.IfGreater(target, T.Of(0.5f), T.Of(0f), T.Of(1f)), T.IfGreater(target, T.Of(0.5f), T.Of(1f), T.Of(0f)));
}
