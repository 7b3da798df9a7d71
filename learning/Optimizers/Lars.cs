using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Momentum with a rate for each tensor, for large batches.  r = trust·‖w‖ / (‖g‖ + weightDecay·‖w‖ + epsilon), 1 where ‖w‖ or ‖g‖ is 0 ;
/// v &lt;- mu·v + lr·r·(g + weightDecay·w) ;  w &lt;- w - v .  You, Gitman, Ginsburg 2017, arXiv:1708.03888.
/// </summary>
[Named("lars")]
public sealed class Lars(Lars.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Mu">Share of the velocity that stays.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    /// <param name="Trust">Length of a step at rate 1, as a share of the tensor's own length.</param>
    /// <param name="Epsilon">Keeps the ratio finite.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 1.0,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Mu = 0.9,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0,
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Trust = 1e-3,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-8);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["momentum"];

    public override bool PerTensor => true;

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = (float)learningRate;
        return 1;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        var (w, g) = (TensorNorm.Of(device, weights), TensorNorm.Of(device, gradient) * coefficient);
        var ratio = w > 0 && g > 0 ? options.Trust * w / (g + options.WeightDecay * w + options.Epsilon) : 1.0;
        device.Op<IOptimizerStep<Rule>>().Run(new Rule((float)(scalars[0] * ratio), (float)options.Mu, (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);
    }

    public readonly struct Rule(float rate, float mu, float decay) : IOptimizerRule
    {
        public static int StateCount => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            state0 = T.Fma(T.Of(mu), state0, T.Of(rate) * T.Fma(T.Of(decay), weight, gradient));
            weight = weight - state0;
        }
    }
}
