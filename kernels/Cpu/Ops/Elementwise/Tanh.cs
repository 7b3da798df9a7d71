using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>tanh x;  derivative 1 - y².</summary>
public readonly record struct Tanh : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => Lane.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.Fma(-y, y, T.Of(1f));
}
