using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Adam that never forgets its largest second moment.  d = g + weightDecay·w (decoupled: w &lt;- (1 - lr·weightDecay)·w, d = g) ;  m, v as Adam ;
/// x &lt;- max(x, v) ;  w &lt;- w - lr / (1 - β1ᵗ) · m / (√x / √(1 - β2ᵗ) + epsilon) .  Reddi, Kale, Kumar 2018, arXiv:1904.09237, with PyTorch's bias corrections.
/// </summary>
[Named("amsGrad")]
public sealed class AmsGrad(AmsGrad.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Beta1">Decay of the first moment.</param>
    /// <param name="Beta2">Decay of the second moment.</param>
    /// <param name="Epsilon">Added outside the root.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    /// <param name="Decoupled">Weight decay as in adamw.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 1e-3,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta1 = 0.9,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta2 = 0.999,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-8,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0,
        bool Decoupled = false);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];

    public override int Scalars(long update, double learningRate, Span<float> scalars) =>
        AdamRule.Scalars(update, learningRate, options.Beta1, options.Beta2, shrink: options.Decoupled ? 1.0 - learningRate * options.WeightDecay : 1.0, scalars);

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(scalars, options.Beta1, options.Beta2, (float)options.Epsilon, options.Decoupled ? 0f : (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);

    public readonly struct Rule(ReadOnlySpan<float> scalars, double beta1, double beta2, float epsilon, float decay) : IOptimizerRule
    {
        private readonly float _rate = scalars[0];
        private readonly float _root = scalars[1];
        private readonly float _shrink = scalars[2];
        private readonly float _beta1 = (float)beta1;
        private readonly float _rest1 = (float)(1.0 - beta1);
        private readonly float _beta2 = (float)beta2;
        private readonly float _rest2 = (float)(1.0 - beta2);

        public static int StateCount => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            weight = T.Of(_shrink) * weight;
            var d = T.Fma(T.Of(decay), weight, gradient);
            state0 = T.Fma(T.Of(_beta1), state0, T.Of(_rest1) * d);
            state1 = T.Fma(T.Of(_beta2), state1, T.Of(_rest2) * d * d);
            state2 = T.IfGreater(state1, state2, state1, state2);
            var step = state0 / T.Fma(T.Sqrt(state2), T.Of(_root), T.Of(epsilon));
            weight = T.Fma(T.Of(-_rate), step, weight);
        }
    }
}
