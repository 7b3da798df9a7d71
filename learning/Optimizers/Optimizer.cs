using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>An update rule over stretches of the flat vector; it never sees a model. One file a rule, found by [Named].</summary>
/// <remarks>
/// The job calls <see cref="Scalars"/> once per step (it allocates nothing) and sends the bits to every shard; a shard calls <see cref="Apply"/> on its parameter slices.
/// State vectors have the weights' layout, start at zero and live with the shard.
/// </remarks>
public abstract class Optimizer
{
    /// <summary>The lr option: what the schedule starts from.</summary>
    public abstract double LearningRate { get; }

    /// <summary>State vectors per weight (momentum 1, Adam 2), 0 to 3.</summary>
    public abstract int StateCount { get; }

    /// <summary>Names of the state vectors in a checkpoint: <c>momentum</c>; <c>exp_avg</c>, <c>exp_avg_sq</c>.</summary>
    public abstract IReadOnlyList<string> StateNames { get; }

    /// <summary>Names that earlier versions saved and that are no state any more: a checkpoint may hold them.</summary>
    public virtual IReadOnlyList<string> RetiredStates => [];

    /// <summary>The rule needs whole tensors (a norm of each): <see cref="Apply"/> is called for one tensor at a time, and shards are cut between tensors only.</summary>
    public virtual bool PerTensor => false;

    /// <summary>The rule needs all trainable weights at once (dot products over them): <see cref="ApplyWhole"/> is called in place of <see cref="Apply"/>, and there is one shard.</summary>
    public virtual bool NeedsWholeVector => false;

    /// <summary>What happens to gradients before the rule, and which parameters it reaches.</summary>
    public UpdateRules Rules { get; private set; } = UpdateRules.None;

    /// <summary>Shards must hold whole tensors: for this rule, or for clipping each.</summary>
    public bool NeedsWholeTensors => PerTensor || Rules.ClipTensorNorm > 0;

    /// <summary>The same optimizer behind other rules.</summary>
    public Optimizer With(UpdateRules rules)
    {
        var copy = (Optimizer)MemberwiseClone();
        copy.Rules = rules;
        return copy;
    }

    /// <summary>Most scalars that a rule may have.</summary>
    public const int MaxScalars = 8;

    /// <summary>The step's scalars: learning rate, bias corrections and the like, computed once, in double, rounded once.</summary>
    /// <param name="update">1 for the first applied update (skipped steps do not count).</param>
    /// <param name="learningRate">The schedule's rate of this step.</param>
    /// <param name="scalars">Room for <see cref="MaxScalars"/>; written from the front.</param>
    /// <returns>Scalars written.</returns>
    public abstract int Scalars(long update, double learningRate, Span<float> scalars);

    /// <summary>w and state are updated in place from gradient · coefficient.</summary>
    /// <param name="device">Where the views lie.</param>
    /// <param name="scalars">From <see cref="Scalars"/>.</param>
    /// <param name="coefficient">Clip coefficient of the whole step.</param>
    /// <param name="weights">A stretch of the weights (a whole tensor where <see cref="PerTensor"/>); gradient and each state view are the same stretch.</param>
    /// <param name="gradient">May be overwritten.</param>
    /// <param name="state0">Absent where StateCount is below 1; state1, state2 likewise.</param>
    public abstract void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2);

    /// <summary>The same for a rule that needs the whole vector.</summary>
    /// <param name="runs">Stretches of the vector that are trainable, in order.</param>
    /// <param name="weights">The flat vector.</param>
    /// <param name="states">[StateCount, weights.Length].</param>
    public virtual void ApplyWhole(Device device, ReadOnlySpan<float> scalars, float coefficient, IReadOnlyList<(int Start, int Length)> runs, View weights, View gradient, View states) =>
        throw new InvalidOperationException($"{GetType().Name} steps stretch by stretch; use Apply.");
}
