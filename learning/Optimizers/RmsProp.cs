using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Gradients over the root of their mean square.  d = g + weightDecay·w ;  s &lt;- alpha·s + (1 - alpha)·d² ;  x = d / (√s + epsilon) ;  w &lt;- w - lr·x .
/// With mu: b &lt;- mu·b + x, w &lt;- w - lr·b (nesterov: lr·(x + mu·b)). Centered: √(s - a²), a &lt;- alpha·a + (1 - alpha)·d.
/// Tieleman, Hinton 2012, lecture 6.5; Graves 2013, arXiv:1308.0850 (centered); Goodfellow et al. 2016, algorithm 8.6 (Nesterov).
/// </summary>
[Named("rmsProp")]
public sealed class RmsProp(RmsProp.Options options) : Optimizer
{
    /// <param name="Lr">Learning rate.</param>
    /// <param name="Alpha">Share of the mean square that stays.</param>
    /// <param name="Mu">Share of the velocity that stays; 0 = no velocity.</param>
    /// <param name="WeightDecay">L2 term added to the gradient.</param>
    /// <param name="Epsilon">Added outside the root.</param>
    /// <param name="EpsilonInside">Adds epsilon inside the root instead: d / √(s + epsilon).</param>
    /// <param name="Centered">Divides by the standard deviation, not by the root of the mean square.</param>
    /// <param name="Nesterov">Nesterov's momentum; needs mu.</param>
    /// <param name="RateInside">The rate inside the velocity: b &lt;- mu·b + lr·x, w &lt;- w - b; differs when the rate changes.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 0.01,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Alpha = 0.99,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Mu = 0.0,
        [property: Range(0.0, 1e6)] double WeightDecay = 0.0,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Epsilon = 1e-8,
        bool EpsilonInside = false,
        bool Centered = false,
        bool Nesterov = false,
        bool RateInside = false) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Nesterov && Mu == 0) yield return new("is true and mu is 0. Nesterov's momentum needs mu above 0, such as 0.9.", [nameof(Nesterov)]);
        }
    }

    public override double LearningRate => options.Lr;

    public override int StateCount => options.Centered ? 3 : options.Mu > 0 ? 2 : 1;

    public override IReadOnlyList<string> StateNames => StateCount switch { 1 => ["square_avg"], 2 => ["square_avg", "momentum_buffer"], _ => ["square_avg", "momentum_buffer", "grad_avg"] };

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = (float)learningRate;
        return 1;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        var rule = new Shared(scalars[0], options);
        if (options.Centered) device.Op<IOptimizerStep<CenteredRule>>().Run(new CenteredRule(rule), coefficient, weights, gradient, state0, state1, state2);
        else if (options.Mu > 0) device.Op<IOptimizerStep<VelocityRule>>().Run(new VelocityRule(rule), coefficient, weights, gradient, state0, state1, state2);
        else device.Op<IOptimizerStep<Rule>>().Run(new Rule(rule), coefficient, weights, gradient, state0, state1, state2);
    }

    /// <summary>What the three rules share.</summary>
    public readonly struct Shared(float rate, Options options)
    {
        private readonly float _alpha = (float)options.Alpha;
        private readonly float _rest = (float)(1.0 - options.Alpha);
        private readonly float _decay = (float)options.WeightDecay;
        private readonly float _inside = options.EpsilonInside ? (float)options.Epsilon : 0f;
        private readonly float _outside = options.EpsilonInside ? 0f : (float)options.Epsilon;
        private readonly float _mu = (float)options.Mu;

        // The velocity takes x times this, the weight takes velocity and x times the other two.
        private readonly float _inner = options.RateInside ? rate : 1f;
        private readonly float _ofVelocity = (options.RateInside ? 1f : rate) * (options.Nesterov ? (float)options.Mu : 1f);
        private readonly float _ofStep = options.Nesterov ? rate : 0f;

        public float Rate { get; } = rate;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Decayed<T>(T weight, T gradient) where T : unmanaged, ILane<T> => T.Fma(T.Of(_decay), weight, gradient);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T MeanSquare<T>(T state, T d) where T : unmanaged, ILane<T> => T.Fma(T.Of(_alpha), state, T.Of(_rest) * d * d);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Mean<T>(T state, T d) where T : unmanaged, ILane<T> => T.Fma(T.Of(_alpha), state, T.Of(_rest) * d);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Divided<T>(T d, T square) where T : unmanaged, ILane<T> => d / (T.Sqrt(square + T.Of(_inside)) + T.Of(_outside));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Move<T>(ref T weight, ref T velocity, T step) where T : unmanaged, ILane<T>
        {
            velocity = T.Fma(T.Of(_mu), velocity, T.Of(_inner) * step);
            weight = T.Fma(T.Of(-_ofVelocity), velocity, T.Fma(T.Of(-_ofStep), step, weight));
        }
    }

    public readonly struct Rule(Shared shared) : IOptimizerRule
    {
        public static int StateCount => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            var d = shared.Decayed(weight, gradient);
            state0 = shared.MeanSquare(state0, d);
            weight = T.Fma(T.Of(-shared.Rate), shared.Divided(d, state0), weight);
        }
    }

    public readonly struct VelocityRule(Shared shared) : IOptimizerRule
    {
        public static int StateCount => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            var d = shared.Decayed(weight, gradient);
            state0 = shared.MeanSquare(state0, d);
            shared.Move(ref weight, ref state1, shared.Divided(d, state0));
        }
    }

    public readonly struct CenteredRule(Shared shared) : IOptimizerRule
    {
        public static int StateCount => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            var d = shared.Decayed(weight, gradient);
            state0 = shared.MeanSquare(state0, d);
            state2 = shared.Mean(state2, d);
            var variance = T.Fma(-state2, state2, state0);
            shared.Move(ref weight, ref state1, shared.Divided(d, T.IfGreater(variance, T.Of(0f), variance, T.Of(0f)))); // rounding may leave it just below 0
        }
    }
}
