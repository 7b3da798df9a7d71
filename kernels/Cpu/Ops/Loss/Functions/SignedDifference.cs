using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = y - t: errors of both signs cancel.</summary>
public readonly struct SignedDifference : ILossFunction
{
    public static bool CountsHits => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T> => y - target;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(1f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(0f);
}
