using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = 1 / (1 + e⁻ˣ);  y' = y·(1 - y).</summary>
[Named("sigmoid")]
public sealed class Sigmoid() : Activation<Sigmoid.Function>(default, derivativeReadsX: false)
{
    public readonly struct Function : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => Lane.Sigmoid(x);

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => y * (T.Of(1f) - y);
    }
}
