using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Any optimizer beside an exponential moving average of the weights it makes.  e &lt;- e + (1 - decay) / (1 - decayᵗ)·(w - e) , so that the first average
/// is w itself and early ones are not pulled towards 0.  Polyak, Juditsky 1992, doi:10.1137/0330046; the bias correction is Adam's.
/// </summary>
/// <remarks>The average is the last state vector, "ema": <c>checkpoints export --weights ema</c> writes it in the weights' place.</remarks>
[Named("ema")]
public sealed class Ema(Ema.Options options) : Optimizer
{
    private readonly Optimizer _inner = options.Of ?? new Adam(new());

    /// <param name="Of">The optimizer that trains; not given: adam with its defaults. At most two state vectors of its own.</param>
    /// <param name="Decay">Share of the average that stays.</param>
    public sealed record Options(
        Optimizer? Of = null,
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Decay = 0.999) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Of is { StateCount: > 2 }) yield return new($"is an optimizer with {Of.StateCount} state vectors. It must have at most 2: the average is the third. Use adam, momentum or another.", [nameof(Of)]);
        }
    }

    public override double LearningRate => _inner.LearningRate;

    public override int StateCount => _inner.StateCount + 1;

    public override IReadOnlyList<string> StateNames => [.. _inner.StateNames, "ema"];

    public override IReadOnlyList<string> RetiredStates => _inner.RetiredStates;

    public override bool PerTensor => _inner.PerTensor;

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        var count = _inner.Scalars(update, learningRate, scalars);
        scalars[count] = (float)((1.0 - options.Decay) / (1.0 - Scalar64.Power(options.Decay, (int)Math.Min(update, int.MaxValue))));
        return count + 1;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        _inner.Apply(device, scalars[..^1], coefficient, weights, gradient, _inner.StateCount > 0 ? state0 : View.None, _inner.StateCount > 1 ? state1 : View.None, View.None);
        var average = _inner.StateCount switch { 0 => state0, 1 => state1, _ => state2 };
        device.Op<IOptimizerStep<Average>>().Run(new Average(scalars[^1]), 1f, average, weights, View.None, View.None, View.None);
    }

    /// <summary>The average in the weight's place, the weight in the gradient's.</summary>
    public readonly struct Average(float share) : IOptimizerRule
    {
        public static int StateCount => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
            => weight = T.Fma(T.Of(share), gradient - weight, weight);
    }
}
