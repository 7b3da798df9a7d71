using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Steps in the weights' own unit: the ratio of what was moved to what was seen.  d = g + weightDecay·w ;  s &lt;- rho·s + (1 - rho)·d² ;
/// x = √(a + epsilon) / √(s + epsilon) · d ;  a &lt;- rho·a + (1 - rho)·x² ;  w &lt;- w - lr·x .  Zeiler 2012, arXiv:1212.5701.
/// </summary>
[Named("adaDelta")]
public sealed class AdaDelta(AdaDelta.Options options) : Optimizer
{
    /// <param name="Lr">What the step is multiplied by; the original has no such factor.</param>
    /// <param name="Rho">Share of both averages that stays.</param>
    /// <param name="Epsilon">Added inside both roots.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    /// <param name="WithoutRate">The original: lr and the schedule are left alone, w &lt;- w - x.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 1.0,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Rho = 0.9,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-6,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0,
        bool WithoutRate = false);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["square_avg", "acc_delta"];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = options.WithoutRate ? 1f : (float)learningRate;
        return 1;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(scalars[0], options.Rho, (float)options.Epsilon, (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);

    public readonly struct Rule(float rate, double rho, float epsilon, float decay) : IOptimizerRule
    {
        private readonly float _rho = (float)rho;
        private readonly float _rest = (float)(1.0 - rho);

        public static int StateCount => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            var d = T.Fma(T.Of(decay), weight, gradient);
            state0 = T.Fma(T.Of(_rho), state0, T.Of(_rest) * d * d);
            var step = T.Sqrt(state1 + T.Of(epsilon)) / T.Sqrt(state0 + T.Of(epsilon)) * d;
            state1 = T.Fma(T.Of(_rho), state1, T.Of(_rest) * step * step);
            weight = T.Fma(T.Of(-rate), step, weight);
        }
    }
}
