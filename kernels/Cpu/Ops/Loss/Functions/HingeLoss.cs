using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = max(0, m - s·y)^p, p 1 or 2, s the sign of the target: above ½ of a label in {0, 1} or above 0 of a value in {-1, 1}.</summary>
public readonly struct HingeLoss(float margin, float power) : ILossFunction
{
    public static bool CountsHits => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Sign<T>(T target) where T : unmanaged, ILane<T> => T.IfGreater(target, T.Of(0.5f), T.Of(1f), T.Of(-1f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var gap = T.Of(margin) - Sign(target) * y;
        var open = T.IfGreater(T.Of(0f), gap, T.Of(0f), gap); // NaN stays NaN
        return power == 2f ? open * open : open;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var sign = Sign(target);
        var gap = T.Of(margin) - sign * y;
        var slope = power == 2f ? T.Of(-2f) * gap * sign : -sign;
        return T.IfGreater(gap, T.Of(0f), slope, T.IfEqual(gap, gap, T.Of(0f), gap));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.IfGreater(Sign(target) * y, T.Of(0f), T.Of(0f), T.Of(1f));
}
