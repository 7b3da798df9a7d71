using System.Runtime.CompilerServices;

namespace DistTrain.Kernels.Functions;

/// <summary>x · Φ(x), Φ(x) = (1 + erf(x / √2)) / 2;  derivative Φ(x) + x · e^(-x²/2) / √(2π).  Hendrycks and Gimpel 2016, arXiv:1606.08415, the exact form.</summary>
public readonly record struct Gelu : IElementwiseFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Forward<T>(T x) where T : unmanaged, ILane<T> => x * Cumulative(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> =>
        T.Fma(x * T.Of(0.398942280f), Lane.Exp(T.Of(-0.5f) * (x * x)), Cumulative(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Cumulative<T>(T x) where T : unmanaged, ILane<T> =>
        T.Fma(T.Of(0.5f), Lane.Erf(x * T.Of(0.707106769f)), T.Of(0.5f));
}
