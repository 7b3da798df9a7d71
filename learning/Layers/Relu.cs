using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = max(x, 0);  y' = 1 where y &gt; 0, else 0. NaN stays NaN.</summary>
[Named("relu")]
public sealed class Relu() : Activation<Relu.Function>(default, derivativeReadsX: false)
{
    public readonly struct Function : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => T.IfGreater(T.Of(0f), x, T.Of(0f), x);

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.IfGreater(y, T.Of(0f), T.Of(1f), T.Of(0f));
    }
}
