using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>One update of stretches of the flat vector: the optimizer behind its <see cref="UpdateRules"/>. Nothing is allocated after the first step. One thread at a time.</summary>
public sealed class ParameterStep(Optimizer optimizer)
{
    private readonly List<(double Factor, float[] Scalars)> _rates = [];
    private readonly float[] _sent = new float[Optimizer.MaxScalars];
    private int _count;
    private long _update;
    private double _rate;

    /// <summary>A new step.</summary>
    /// <param name="update">1 for the first applied update.</param>
    /// <param name="learningRate">The step's rate, from which parameters with a factor get their own scalars.</param>
    /// <param name="scalars">The optimizer's scalars at that rate.</param>
    public void Begin(long update, double learningRate, ReadOnlySpan<float> scalars)
    {
        (_update, _rate, _count) = (update, learningRate, scalars.Length);
        scalars.CopyTo(_sent);
        foreach (var (factor, own) in _rates) optimizer.Scalars(update, learningRate * factor, own);
    }

    /// <param name="factor">From <see cref="UpdateRules.RateFactor"/>; not 0.</param>
    /// <param name="coefficient">Of the whole step.</param>
    /// <param name="gradient">May be overwritten.</param>
    public void Apply(Device device, double factor, float coefficient, View weights, View gradient, View state0, View state1, View state2)
    {
        var rules = optimizer.Rules;
        if (rules.ClipTensorNorm > 0) coefficient *= Clipping.Coefficient(TensorNorm.Of(device, gradient) * coefficient, rules.ClipTensorNorm);
        if (rules.ChangesGradients)
        {
            var limit = rules.ClipValue > 0 ? (float)rules.ClipValue : float.PositiveInfinity;
            device.Op<IOptimizerStep<GradientRule>>().Run(new GradientRule(coefficient, limit, (float)rules.L1, (float)rules.L2), 1f, gradient, weights, View.None, View.None, View.None);
            coefficient = 1f;
        }
        optimizer.Apply(device, Scalars(factor).AsSpan(0, _count), coefficient, weights, gradient, state0, state1, state2);
    }

    /// <summary>The whole vector at once, for an optimizer that needs it.</summary>
    /// <param name="runs">Its trainable stretches.</param>
    /// <param name="states">[StateCount, weights.Length].</param>
    public void ApplyWhole(Device device, float coefficient, IReadOnlyList<(int Start, int Length)> runs, View weights, View gradient, View states)
    {
        var rules = optimizer.Rules;
        if (rules.ChangesGradients)
        {
            var limit = rules.ClipValue > 0 ? (float)rules.ClipValue : float.PositiveInfinity;
            foreach (var (start, length) in runs)
                device.Op<IOptimizerStep<GradientRule>>().Run(new GradientRule(coefficient, limit, (float)rules.L1, (float)rules.L2), 1f, gradient.Part(start, length), weights.Part(start, length), View.None, View.None, View.None);
            coefficient = 1f;
        }
        optimizer.ApplyWhole(device, _sent.AsSpan(0, _count), coefficient, runs, weights, gradient, states);
    }

    private float[] Scalars(double factor)
    {
        if (factor == 1.0) return _sent;
        foreach (var (known, own) in _rates)
            if (known == factor) return own;
        var made = new float[Optimizer.MaxScalars];
        optimizer.Scalars(_update, _rate * factor, made);
        _rates.Add((factor, made));
        return made;
    }
}
