using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Adam with a rate for each tensor, for large batches.  m, v as Adam ;  x = m / (1 - β1ᵗ) / (√v / √(1 - β2ᵗ) + epsilon) + weightDecay·w ;
/// r = ‖w‖ / ‖x‖, 1 where either is 0 ;  w &lt;- w - lr·r·x .  You et al. 2020, arXiv:1904.00962.
/// </summary>
/// <remarks>x takes the gradient's place between its norm and the step.</remarks>
[Named("lamb")]
public sealed class Lamb(Lamb.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Beta1">Decay of the first moment.</param>
    /// <param name="Beta2">Decay of the second moment.</param>
    /// <param name="Epsilon">Added outside the root.</param>
    /// <param name="WeightDecay">Share of the weights in x.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 1e-3,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta1 = 0.9,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Beta2 = 0.999,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-6,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.01);

    public override double LearningRate => options.Lr;

    public override int StateCount => 2;

    public override IReadOnlyList<string> StateNames => ["exp_avg", "exp_avg_sq"];

    public override IReadOnlyList<string> RetiredStates => ["update"];

    public override bool PerTensor => true;

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        AdamRule.Scalars(update, 1.0, options.Beta1, options.Beta2, shrink: learningRate, scalars);
        return 3;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        device.Op<IOptimizerStep<Direction>>().Run(new Direction(scalars, options.Beta1, options.Beta2, (float)options.Epsilon, (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, gradient);
        var (w, x) = (TensorNorm.Of(device, weights), TensorNorm.Of(device, gradient));
        var ratio = w > 0 && x > 0 ? w / x : 1.0;
        device.Op<IVector>().AddScaled(-(float)(scalars[2] * ratio), gradient, weights);
    }

    /// <summary>Moves the moments and leaves x in the third operand; the weights stay.</summary>
    public readonly struct Direction(ReadOnlySpan<float> scalars, double beta1, double beta2, float epsilon, float decay) : IOptimizerRule
    {
        private readonly float _mean = scalars[0];
        private readonly float _root = scalars[1];
        private readonly float _beta1 = (float)beta1;
        private readonly float _rest1 = (float)(1.0 - beta1);
        private readonly float _beta2 = (float)beta2;
        private readonly float _rest2 = (float)(1.0 - beta2);

        public static int StateCount => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            state0 = T.Fma(T.Of(_beta1), state0, T.Of(_rest1) * gradient);
            state1 = T.Fma(T.Of(_beta2), state1, T.Of(_rest2) * gradient * gradient);
            state2 = T.Fma(T.Of(decay), weight, T.Of(_mean) * state0 / T.Fma(T.Sqrt(state1), T.Of(_root), T.Of(epsilon)));
        }
    }
}
