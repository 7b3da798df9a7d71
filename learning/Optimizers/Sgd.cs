using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Stochastic gradient descent.  d = g + weightDecay·w ;  w &lt;- w - lr·d .  Robbins, Monro 1951, doi:10.1214/aoms/1177729586.</summary>
[Named("sgd")]
public sealed class Sgd(Sgd.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 0.1, [property: Range(0.0, 1e6)] double WeightDecay = 0.0);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => [];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = (float)learningRate;
        return 1;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(scalars[0], (float)options.WeightDecay), coefficient, weights, gradient, state0, state1, state2);

    public readonly struct Rule(float rate, float decay) : IOptimizerRule
    {
        public static int StateCount => 0;

        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T> =>
            weight = T.Fma(T.Of(-rate), T.Fma(T.Of(decay), weight, gradient), weight);
    }
}
