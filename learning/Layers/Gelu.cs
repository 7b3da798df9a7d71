using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x·Φ(x), Φ(x) = (1 + erf(x / √2)) / 2;  y' = Φ(x) + x·φ(x), φ the normal density.  Hendrycks, Gimpel 2016, arXiv:1606.08415.</summary>
[Named("gelu")]
public sealed class Gelu() : Activation<Gelu.Function>(default, derivativeReadsX: true)
{
    public readonly struct Function : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => x * Below(x);

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> =>
            T.Fma(x, T.Of(0.398942280f) * Lane.Exp(T.Of(-0.5f) * x * x), Below(x));

        private static T Below<T>(T x) where T : unmanaged, ILane<T> => T.Fma(T.Of(0.5f), Lane.Erf(x * T.Of(0.707106781f)), T.Of(0.5f));
    }
}
