using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What losses of single output elements share: outputs and targets of one shape, or one output and a label of two classes.</summary>
public abstract class ValueLoss : Loss
{
    /// <summary>The name in a spec, for messages.</summary>
    protected abstract string Name { get; }

    /// <summary>Labels 0 and 1 make sense as targets of one output.</summary>
    protected virtual bool TakesLabels => false;

    public sealed override string? Misfit(Shape output, Shape target, TargetKind kind, int classes)
    {
        if (kind != TargetKind.Values)
            return !TakesLabels ? $"the loss is {Name} and the data's targets are class labels. It takes real values. Use crossEntropy, or data with values."
                : classes != 2 || output.Length != target.Length ? $"the loss is {Name}, the model gives {output} for each sample and the data has {classes} classes. It takes two classes and one output for each label: let the last layer have {target.Length} output{(target.Length == 1 ? "" : "s")}, or use crossEntropy."
                : null;
        return output == target || (target.Rank == 0 && output.Length == 1) ? null : $"the model gives {output} for each sample and the data's targets are {target}. Both must be equal: let the last layer have {target.Length} outputs.";
    }

    /// <summary>The node of a loss of elements.</summary>
    protected static LossNode Record<TFunction>(Tape tape, Tensor output, TFunction function, TargetKind kind) where TFunction : unmanaged, ILossFunction => ElementLoss.Record(tape, output, function, kind == TargetKind.Labels);
}

/// <summary>The node of a loss of single elements.</summary>
internal static class ElementLoss
{
    /// <param name="wanted">What the output is compared with; null = the data's targets.</param>
    public static LossNode Record<TFunction>(Tape tape, Tensor output, TFunction function, bool labels = false, Tensor? wanted = null) where TFunction : unmanaged, ILossFunction => new Node<TFunction>(tape, output, function, labels, wanted);

    private sealed class Node<TFunction>(Tape tape, Tensor output, TFunction function, bool labels, Tensor? wanted) : LossNode(tape, output, wanted) where TFunction : unmanaged, ILossFunction
    {
        private readonly IElementwiseLoss<TFunction> _loss = tape.Device.Op<IElementwiseLoss<TFunction>>();
        private readonly int _elements = output.Shape.Length;
        private readonly bool _readsTarget = wanted is null;

        public override void Forward(Frame frame) => _loss.Forward(function, frame.Segments, _elements, frame.Input(), _readsTarget ? frame.Target : frame.Input(1), labels, frame.LossScale(_elements), frame.InputGradient(), frame.Metrics);
    }
}

/// <summary>What losses of whole rows share.</summary>
internal sealed class RowLossNode<TFunction>(Tape tape, Tensor output, TFunction function, int rows, bool classesFirst = false, bool readsTarget = true) : LossNode(tape, output) where TFunction : struct, IRowLossFunction
{
    private readonly IRowLoss<TFunction> _loss = tape.Device.Op<IRowLoss<TFunction>>();
    private readonly int _length = output.Shape.Length / rows;

    public override void Forward(Frame frame) =>
        _loss.Forward(function, frame.Segments, rows, _length, classesFirst, frame.Input(), readsTarget ? frame.Target : View.None, function.IsWeighted ? 1f : frame.LossScale(rows), frame.InputGradient(), frame.Metrics);
}
