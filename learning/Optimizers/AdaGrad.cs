using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// A rate of its own for every weight, falling with the squares seen so far.  d = g + weightDecay·w ;  s &lt;- s + d² ;
/// w &lt;- w - lr / (1 + (t - 1)·lrDecay) · d / (√s + epsilon) .  Duchi, Hazan, Singer 2011, jmlr.org/papers/v12/duchi11a.
/// </summary>
[Named("adaGrad")]
public sealed class AdaGrad(AdaGrad.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="LrDecay">How much each update lowers the rate.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    /// <param name="InitialAccumulator">What s starts from.</param>
    /// <param name="Epsilon">Added outside the root.</param>
    /// <param name="EpsilonInside">Adds epsilon inside the root instead: d / √(s + epsilon).</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 0.01,
        [property: Range(0.0, 1e6)] double LrDecay = 0.0,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0,
        [property: Range(0.0, 1e6)] double InitialAccumulator = 0.0,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-10,
        bool EpsilonInside = false);

    public override double LearningRate => options.Lr;

    public override int StateCount => Rule.StateCount;

    public override IReadOnlyList<string> StateNames => ["sum"];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = (float)(learningRate / (1.0 + (update - 1) * options.LrDecay));
        scalars[1] = update == 1 ? (float)options.InitialAccumulator : 0f; // states start at zero
        return 2;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        device.Op<IOptimizerStep<Rule>>().Run(new Rule(scalars[0], (float)options.WeightDecay, scalars[1], (float)options.Epsilon, options.EpsilonInside), coefficient, weights, gradient, state0, state1, state2);

    public readonly struct Rule(float rate, float decay, float start, float epsilon, bool inside) : IOptimizerRule
    {
        private readonly float _inside = inside ? epsilon : 0f;
        private readonly float _outside = inside ? 0f : epsilon;

        public static int StateCount => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            var d = T.Fma(T.Of(decay), weight, gradient);
            state0 = T.Fma(d, d, state0 + T.Of(start));
            var step = d / (T.Sqrt(state0 + T.Of(_inside)) + T.Of(_outside));
            weight = T.Fma(T.Of(-rate), step, weight);
        }
    }
}
