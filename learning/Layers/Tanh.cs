using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = tanh x;  y' = 1 - y².</summary>
[Named("tanh")]
public sealed class Tanh() : Activation<Tanh.Function>(default, derivativeReadsX: false)
{
    public readonly struct Function : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => Lane.Tanh(x);

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.Fma(-y, y, T.Of(1f));
    }
}
