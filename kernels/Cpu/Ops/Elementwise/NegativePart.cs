using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>min(x, 0);  derivative 1 where x &lt;= 0, else 0.</summary>
public readonly record struct NegativePart : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), T.Of(0f), x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), T.Of(0f), T.Of(1f));
}
