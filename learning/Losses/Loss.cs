namespace DistTrain.Learning;

/// <summary>What training lowers: the mean over the samples (and positions) of a step. One file a loss, found by [Named].</summary>
public abstract class Loss
{
    /// <summary>null, or why outputs of this shape cannot be compared with the data's targets: what is set, what it must be, what to do.</summary>
    /// <param name="output">The network's output for one sample.</param>
    /// <param name="target">One sample's target.</param>
    /// <param name="classes">Classes of labels; 0 for values.</param>
    public abstract string? Misfit(Shape output, Shape target, TargetKind kind, int classes);

    /// <summary>The same where the network's input matters too.</summary>
    /// <param name="input">One sample's input.</param>
    public virtual string? Misfit(Shape input, Shape output, Shape target, TargetKind kind, int classes) => Misfit(output, target, kind, classes);

    /// <summary>Where the factor of <see cref="Finish"/> comes from.</summary>
    public virtual LossFactor Factor => LossFactor.None;

    /// <summary>From what the tree summed to the loss, and the factor that every gradient element still takes.</summary>
    /// <param name="sum">The step's figure [0]; in an evaluation, per sample, or the whole sum where there is a weight.</param>
    /// <param name="weight">The step's figure [3]: the sum of the weights, where the loss has weights of its own and is seeded with the sum; else 0.</param>
    public virtual (double Loss, double Factor) Finish(double sum, double weight) => weight > 0 ? (sum / weight, 1.0 / weight) : (sum, 1.0);

    /// <summary>The node that ends the tape.</summary>
    /// <param name="kind">What the targets are.</param>
    public abstract LossNode Record(Tape tape, Tensor output, TargetKind kind);
}

/// <summary>What every gradient element of a loss still takes once the step is summed.</summary>
public enum LossFactor
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One over the weights of the step's targets: a head with the same targets has the same.</summary>
    OfTargets,

    /// <summary>What depends on the outputs: a root.</summary>
    OfOutputs,
}

/// <summary>A loss on a tape: Forward adds to the metrics and, in training, writes the gradient of its input at once; its Backward never runs. What is wanted of it (the samples, where a net gives them again) gets no gradient.</summary>
public abstract class LossNode(Tape tape, Tensor output, Tensor? wanted = null) : Node(tape, wanted is null ? [output] : [output, wanted], new Shape(1))
{
    /// <summary>Figures of its own: the step's are not touched. For a head beside the main output.</summary>
    internal Saved? Figures { get; private set; }

    public sealed override void Backward(Frame frame) { }

    internal LossNode Aside()
    {
        Figures = ScratchOnce(ParameterLayout.MetricsLength);
        return this;
    }
}
