using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Heavy-ball momentum, as PyTorch writes it.  d = g + weightDecay·w ;  v &lt;- mu·v + d ;  w &lt;- w - lr·v .  Polyak 1964, doi:10.1016/0041-5553(64)90137-5.</summary>
[Named("momentum")]
public sealed class Momentum(Momentum.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Mu">Share of the velocity that stays.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 0.01,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Mu = 0.9,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["momentum"];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = (float)learningRate;
        return 1;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(scalars[0], (float)options.Mu, (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);

    public readonly struct Rule(float rate, float mu, float decay) : IOptimizerRule
    {
        public static int StateCount => 1;

        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            state0 = T.Fma(T.Of(mu), state0, T.Fma(T.Of(decay), weight, gradient));
            weight = T.Fma(T.Of(-rate), state0, weight);
        }
    }
}
