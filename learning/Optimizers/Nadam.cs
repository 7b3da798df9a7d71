using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Adam with Nesterov's momentum, as PyTorch writes it.  d = g + weightDecay·w ;  μ_t = β1·(1 - ½·0.96^(t·momentumDecay)) ;  Π = μ_1·…·μ_t ;
/// m, v as Adam ;  w &lt;- w - (lr·(1 - μ_t) / (1 - Π)·d + lr·μ_{t+1} / (1 - Π·μ_{t+1})·m) / (√v / √(1 - β2ᵗ) + epsilon) .  Dozat 2016, openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.
/// </summary>
[Named("nadam")]
public sealed class Nadam(Nadam.Options options) : Optimizer
{
    // Below this the product of all momenta no longer changes 1 - product.
    private const double Vanished = 1e-18;

    private Momenta _last = new(0, 1.0);

    /// <param name="Lr">Learning rate.</param>
    /// <param name="Beta1">Decay of the first moment.</param>
    /// <param name="Beta2">Decay of the second moment.</param>
    /// <param name="Epsilon">Added outside the root.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    /// <param name="MomentumDecay">How fast the momentum grows towards β1.</param>
    /// <param name="MuTwice">As PyTorch 1.x: μ_t enters the product ahead twice, Π·μ_t·μ_{t+1}; corrected in PyTorch 2.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 2e-3,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta1 = 0.9,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta2 = 0.999,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-8,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0,
        [property: Range(0.0, 1e6)] double MomentumDecay = 4e-3,
        bool MuTwice = false);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["exp_avg", "exp_avg_sq"];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        var (product, now, next) = (Product(update), Momentum(update), Momentum(update + 1));
        scalars[0] = (float)(learningRate * (1.0 - now) / (1.0 - product));
        scalars[1] = (float)(learningRate * next / (1.0 - product * (options.MuTwice ? now * next : next)));
        scalars[2] = (float)(1.0 / Math.Sqrt(1.0 - Scalar64.Power(options.Beta2, (int)Math.Min(update, int.MaxValue))));
        return 3;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(scalars, options.Beta1, options.Beta2, (float)options.Epsilon, (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);

    private double Momentum(long update) => options.Beta1 * (1.0 - 0.5 * Scalar64.Power(0.96, update * options.MomentumDecay));

    // Always the same factors in the same order from 1: what is remembered only saves time.
    private double Product(long update)
    {
        var last = _last;
        var (from, product) = last.Update <= update ? (last.Update, last.Product) : (0, 1.0);
        for (var t = from + 1; t <= update && product > Vanished; t++) product *= Momentum(t);
        if (product <= Vanished) product = 0;
        _last = new Momenta(update, product);
        return product;
    }

    private sealed record Momenta(long Update, double Product);

    public readonly struct Rule(ReadOnlySpan<float> scalars, double beta1, double beta2, float epsilon, float decay) : IOptimizerRule
    {
        private readonly float _now = scalars[0];
        private readonly float _ahead = scalars[1];
        private readonly float _root = scalars[2];
        private readonly float _beta1 = (float)beta1;
        private readonly float _rest1 = (float)(1.0 - beta1);
        private readonly float _beta2 = (float)beta2;
        private readonly float _rest2 = (float)(1.0 - beta2);

        public static int StateCount => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            var d = T.Fma(T.Of(decay), weight, gradient);
            state0 = T.Fma(T.Of(_beta1), state0, T.Of(_rest1) * d);
            state1 = T.Fma(T.Of(_beta2), state1, T.Of(_rest2) * d * d);
            var step = T.Fma(T.Of(_ahead), state0, T.Of(_now) * d) / T.Fma(T.Sqrt(state1), T.Of(_root), T.Of(epsilon));
            weight = weight - step;
        }
    }
}
