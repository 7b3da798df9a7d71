using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x where x &gt; 0, else alpha·(eˣ - 1);  y' = 1, else y + alpha.  Clevert, Unterthiner, Hochreiter 2016, arXiv:1511.07289.</summary>
[Named("elu")]
public sealed class Elu(Elu.Options options) : Activation<Elu.Function>(new Function(options.Alpha), derivativeReadsX: true)
{
    /// <param name="Alpha">Minus the limit for x to minus infinity.</param>
    public sealed record Options([property: Range(0.0, 1e3)] float Alpha = 1f);

    public readonly struct Function(float alpha) : IElementwiseFunction
    {
        public T Forward<T>(T x) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), x, T.Of(alpha) * ExpMinusOne(x));

        public T Derivative<T>(T x, T y) where T : unmanaged, ILane<T> => T.IfGreater(x, T.Of(0f), T.Of(1f), T.Of(alpha) * Lane.Exp(x));

        // e^x - 1 = 2t / (1 - t), t = tanh(x / 2): no digits are lost near 0.
        private static T ExpMinusOne<T>(T x) where T : unmanaged, ILane<T>
        {
            var t = Lane.Tanh(x * T.Of(0.5f));
            return (t + t) / (T.Of(1f) - t);
        }
    }
}
