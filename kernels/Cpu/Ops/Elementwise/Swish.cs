using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>x·s, s = sigmoid(beta·x);  derivative s + beta·y·(1 - s).  Ramachandran, Zoph, Le 2017, arXiv:1710.05941.</summary>
/// <param name="Beta">1: SiLU; large: nearly ReLU.</param>
public readonly record struct Swish(float Beta) : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => x * Lane.Sigmoid(T.Of(Beta) * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T>
    {
        var s = Lane.Sigmoid(T.Of(Beta) * x);
        return T.Fma(T.Of(Beta) * y, T.Of(1f) - s, s);
    }
}
