using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = |y - t|, its derivative the sign, 0 at 0.</summary>
public readonly struct AbsoluteDifference : ILossFunction
{
    public static bool CountsHits => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T> => T.Abs(y - target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T> => T.IfGreater(y, target, T.Of(1f), T.IfGreater(target, y, T.Of(-1f), T.Of(0f)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(0f);
}
