using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>x where x &gt; 0, else alpha · (e^x - 1).  Clevert, Unterthiner, Hochreiter 2015, arXiv:1511.07289.</summary>
/// <param name="Alpha">1 is usual.</param>
public readonly record struct Elu(float Alpha) : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(0f), x, T.Of(Alpha) * Lane.Expm1(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(0f), T.Of(1f), T.Of(Alpha) * Lane.Exp(x));
}
