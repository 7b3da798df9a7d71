using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>scale · (x where x &gt; 0, else alpha · (e^x - 1)), scale and alpha such that mean 0 and variance 1 are a fixed point.  Klambauer et al. 2017, arXiv:1706.02515.</summary>
public readonly record struct Selu : IElementwiseFunction
{
    private const float Scale = 1.05070099f, Alpha = 1.67326319f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(0f), T.Of(Scale) * x, T.Of(Scale * Alpha) * Lane.Expm1(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> =>
        T.IfGreater(x, T.Of(0f), T.Of(Scale), T.Of(Scale * Alpha) * Lane.Exp(x));
}
