using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>|x|; the derivative at 0 is 0.  Jarrett et al. 2009, doi:10.1109/ICCV.2009.5459469 (the rectifying layer).</summary>
public readonly record struct Absolute : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => T.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(0f), T.Of(1f), T.IfGreater(T.Of(0f), x, T.Of(-1f), T.Of(0f)));
}
