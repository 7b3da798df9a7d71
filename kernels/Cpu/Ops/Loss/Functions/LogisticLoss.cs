using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = -(p·t·ln σ(y) + (1 - t)·ln(1 - σ(y))) = (1 - t)·y + (1 + (p - 1)·t)·softplus(-y), p the weight of positives.</summary>
public readonly struct LogisticLoss(float positiveWeight) : ILossFunction
{
    public static bool CountsHits => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        // softplus(-y) = max(-y, 0) + ln(1 + e^-|y|)
        var soft = T.IfGreater(y, T.Of(0f), T.Of(0f), -y) + Lane.Log1p(Lane.Exp(-T.Abs(y)));
        return T.Fma(T.Of(1f) - target, y, T.Fma(T.Of(positiveWeight - 1f), target, T.Of(1f)) * soft);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        // d softplus(-y) / dy = -(1 - σ(y)) = -σ(-y), which does not cancel
        var rest = Lane.Sigmoid(-y);
        return T.Of(1f) - target - T.Fma(T.Of(positiveWeight - 1f), target, T.Of(1f)) * rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.IfGreater(y, T.Of(0f), T.IfGreater(target, T.Of(0.5f), T.Of(0f), T.Of(1f)), T.IfGreater(target, T.Of(0.5f), T.Of(1f), T.Of(0f)));
}
