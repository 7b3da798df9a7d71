using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Adam with the largest gradient in place of the mean square.  d = g + weightDecay·w ;  m &lt;- β1·m + (1 - β1)·d ;  u &lt;- max(β2·u, |d| + epsilon) ;
/// w &lt;- w - lr / (1 - β1ᵗ) · m / u .  Kingma, Ba 2015, arXiv:1412.6980, algorithm 2.
/// </summary>
[Named("adaMax")]
public sealed class AdaMax(AdaMax.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Beta1">Decay of the first moment.</param>
    /// <param name="Beta2">Decay of the largest gradient.</param>
    /// <param name="Epsilon">Added to |d|.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 2e-3,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta1 = 0.9,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta2 = 0.999,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-8,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["exp_avg", "exp_inf"];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = (float)(learningRate / (1.0 - Scalar64.Power(options.Beta1, (int)Math.Min(update, int.MaxValue))));
        return 1;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(scalars[0], options.Beta1, (float)options.Beta2, (float)options.Epsilon, (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);

    public readonly struct Rule(float rate, double beta1, float beta2, float epsilon, float decay) : IOptimizerRule
    {
        private readonly float _beta1 = (float)beta1;
        private readonly float _rest1 = (float)(1.0 - beta1);

        public static int StateCount => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            var d = T.Fma(T.Of(decay), weight, gradient);
            state0 = T.Fma(T.Of(_beta1), state0, T.Of(_rest1) * d);
            var (faded, now) = (T.Of(beta2) * state1, T.Abs(d) + T.Of(epsilon));
            state1 = T.IfGreater(faded, now, faded, now);
            weight = T.Fma(T.Of(-rate), state0 / state1, weight);
        }
    }
}
