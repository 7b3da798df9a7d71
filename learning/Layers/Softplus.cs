using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = ln(1 + eˣ);  y' = sigmoid x.</summary>
[Named("softplus")]
public sealed class Softplus() : Activation<Softplus.Function>(default, derivativeReadsX: true)
{
    public readonly struct Function : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => Lane.Softplus(x);

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => Lane.Sigmoid(x);
    }
}
