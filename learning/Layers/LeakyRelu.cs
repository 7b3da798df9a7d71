using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x where x &gt; 0, else slope·x.  Maas, Hannun, Ng 2013.</summary>
[Named("leakyRelu")]
public sealed class LeakyRelu(LeakyRelu.Options options) : Activation<LeakyRelu.Function>(new Function(options.Slope), derivativeReadsX: true)
{
    /// <param name="Slope">Slope below zero.</param>
    public sealed record Options([property: Range(0.0, 1e3)] float Slope = 0.01f);

    public readonly struct Function(float slope) : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), x, x * T.Of(slope));

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), T.Of(1f), T.Of(slope));
    }
}
