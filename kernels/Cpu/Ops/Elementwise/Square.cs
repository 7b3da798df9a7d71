using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>x²;  derivative 2x.</summary>
public readonly record struct Square : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => x * x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => x + x;
}
