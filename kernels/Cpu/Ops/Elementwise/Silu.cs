using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>x · sigmoid x;  derivative s + y · (1 - s).  Elfwing, Uchibe, Doya 2017, arXiv:1702.03118; also called swish.</summary>
public readonly record struct Silu : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => x * Lane.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T>
    {
        var s = Lane.Sigmoid(x);
        return T.Fma(y, T.Of(1f) - s, s);
    }
}
