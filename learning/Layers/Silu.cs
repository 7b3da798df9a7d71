using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x·s, s = sigmoid x;  y' = s·(1 + x·(1 - s)).  Also called swish.  Elfwing, Uchibe, Doya 2018, arXiv:1702.03118.</summary>
[Named("silu")]
public sealed class Silu() : Activation<Silu.Function>(default, derivativeReadsX: true)
{
    public readonly struct Function : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => x * Lane.Sigmoid(x);

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T>
        {
            var s = Lane.Sigmoid(x);
            return s * T.Fma(x, T.Of(1f) - s, T.Of(1f));
        }
    }
}
