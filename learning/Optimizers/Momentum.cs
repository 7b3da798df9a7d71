using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Heavy-ball momentum, as PyTorch writes it.  d = g + weightDecay·w ;  v &lt;- mu·v + (1 - dampening)·d, at the first update d ;  w &lt;- w - lr·v .  Polyak 1964, doi:10.1016/0041-5553(64)90137-5.
/// With the rate inside: v &lt;- mu·v + lr·(1 - dampening)·d ;  w &lt;- w - v .  Goodfellow et al. 2016, algorithm 8.2.
/// </summary>
[Named("momentum")]
public sealed class Momentum(Momentum.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Mu">Share of the velocity that stays.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    /// <param name="RateInside">The rate inside the velocity; differs when the rate changes.</param>
    /// <param name="MuStart">Where a growing momentum starts; not given: mu from the first update on.</param>
    /// <param name="MuSteps">Updates over which the momentum grows linearly from muStart to mu.</param>
    /// <param name="Dampening">Share of the gradient that does not enter the velocity after the first update.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 0.01,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Mu = 0.9,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0,
        bool RateInside = false,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double? MuStart = null,
        [property: Range(1, int.MaxValue)] int MuSteps = 1000,
        [property: Range(0.0, 1.0)] double Dampening = 0.0);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["momentum"];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        (scalars[0], scalars[1]) = ((float)learningRate, (float)MomentumGrowth.At(update, options.MuStart, options.Mu, options.MuSteps));
        scalars[2] = update == 1 ? 1f : (float)(1 - options.Dampening);
        return 3;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(options.RateInside ? scalars[0] * scalars[2] : scalars[2], options.RateInside ? 1f : scalars[0], scalars[1], (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);

    /// <param name="inner">What the gradient is multiplied by as it enters the velocity.</param>
    /// <param name="outer">What the velocity is multiplied by as it moves the weight.</param>
    public readonly struct Rule(float inner, float outer, float mu, float decay) : IOptimizerRule
    {
        public static int StateCount => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            state0 = T.Fma(T.Of(mu), state0, T.Of(inner) * T.Fma(T.Of(decay), weight, gradient));
            weight = T.Fma(T.Of(-outer), state0, weight);
        }
    }
}
