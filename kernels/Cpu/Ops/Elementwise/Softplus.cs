using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>ln(1 + e^x);  derivative sigmoid x.  Dugas et al. 2000.</summary>
public readonly record struct Softplus : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => Lane.Softplus(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => Lane.Sigmoid(x);
}
