using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>max(x, 0).  NaN stays NaN. Nair and Hinton 2010.</summary>
public readonly record struct Relu : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => T.IfGreater(T.Of(0f), x, T.Of(0f), x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.IfGreater(y, T.Of(0f), T.Of(1f), T.Of(0f));
}
