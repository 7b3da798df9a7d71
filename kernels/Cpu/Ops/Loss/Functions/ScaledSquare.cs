using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>F = factor·(y - t)²;  F' = 2·factor·(y - t).</summary>
public readonly record struct ScaledSquare(float Factor) : ILossFunction
{
    public static bool CountsHits => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(Factor) * (y - target) * (y - target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Slope<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(Factor + Factor) * (y - target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Miss<T>(T y, T target) where T : unmanaged, ILane<T> => T.Of(0f);
}
