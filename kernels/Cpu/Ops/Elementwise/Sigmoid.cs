using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>1 / (1 + e^-x);  derivative y · (1 - y).</summary>
public readonly record struct Sigmoid : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => Lane.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => y * (T.Of(1f) - y);
}
