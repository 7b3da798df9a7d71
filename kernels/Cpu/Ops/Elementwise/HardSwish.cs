using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>x · min(max(x + 3, 0), 6) / 6;  derivative 0 below -3, x / 3 + 1/2 between, 1 from 3 on.  Howard et al. 2019, arXiv:1905.02244.</summary>
public readonly record struct HardSwish : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => x * Relu6(x + T.Of(3f)) / T.Of(6f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(-3f), T.IfGreater(T.Of(3f), x, T.Fma(x, T.Of(0.333333343f), T.Of(0.5f)), T.Of(1f)), T.Of(0f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Relu6<T>(T x) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(6f), T.Of(6f), T.IfGreater(T.Of(0f), x, T.Of(0f), x));
}
