using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Adam with decoupled weight decay.  w &lt;- (1 - lr·weightDecay)·w ;  m &lt;- β1·m + (1 - β1)·g ;  v &lt;- β2·v + (1 - β2)·g² ;
/// w &lt;- w - lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + epsilon) .  Loshchilov, Hutter 2019, arXiv:1711.05101.
/// </summary>
[Named("adamw")]
public sealed class AdamW(AdamW.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Beta1">Decay of the first moment.</param>
    /// <param name="Beta2">Decay of the second moment.</param>
    /// <param name="Epsilon">Added outside the root.</param>
    /// <param name="WeightDecay">Share of each weight that a step at rate 1 removes.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 1e-3,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta1 = 0.9,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta2 = 0.999,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-8,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.01);

    public override double LearningRate => options.Lr;

    public override int StateCount => AdamRule.StateCount;

    public override IReadOnlyList<string> StateNames => ["exp_avg", "exp_avg_sq"];

    public override int Scalars(long update, double learningRate, Span<float> scalars) =>
        AdamRule.Scalars(update, learningRate, options.Beta1, options.Beta2, shrink: 1.0 - learningRate * options.WeightDecay, scalars);

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<AdamRule>>().Run(new AdamRule(scalars, options.Beta1, options.Beta2, options.Epsilon, addedDecay: 0.0), coefficient, weights, gradient, state0, state1, state2);
}
