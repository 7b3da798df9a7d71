using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>min(max(x, 0), 6).  Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10".</summary>
public readonly record struct Relu6 : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(6f), T.Of(6f), T.IfGreater(T.Of(0f), x, T.Of(0f), x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(0f), T.IfGreater(T.Of(6f), x, T.Of(1f), T.Of(0f)), T.Of(0f));
}
