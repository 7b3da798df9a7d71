using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = ½·d² / β where |d| &lt; β, else |d| - ½·β;  d = y - t. Huber's, divided by β.</summary>
public readonly struct SmoothDifference(float beta) : ILossFunction
{
    public static bool CountsHits => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var d = y - target;
        var size = T.Abs(d);
        return T.IfGreater(T.Of(beta), size, T.Of(0.5f) * d * d / T.Of(beta), size - T.Of(0.5f * beta));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T>
    {
        var d = y - target;
        var sign = T.IfGreater(d, T.Of(0f), T.Of(1f), T.Of(-1f));
        return T.IfGreater(T.Of(beta), T.Abs(d), d / T.Of(beta), sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(0f);
}
