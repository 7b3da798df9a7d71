using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = ½·d² where |d| ≤ δ, else δ·(|d| - ½·δ);  d = y - t.</summary>
public readonly struct HuberDifference(float delta) : ILossFunction
{
    public static bool CountsHits => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var d = y - target;
        var size = T.Abs(d);
        return T.IfGreater(size, T.Of(delta), T.Of(delta) * (size - T.Of(0.5f * delta)), T.Of(0.5f) * d * d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var d = y - target;
        var capped = T.IfGreater(d, T.Of(delta), T.Of(delta), d);
        return T.IfGreater(T.Of(-delta), capped, T.Of(-delta), capped);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(0f);
}
