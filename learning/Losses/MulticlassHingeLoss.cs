using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean over samples and positions of 1/K·Σ_{k ≠ label} max(0, margin - y_label + y_k)^power: the multiclass SVM, as PyTorch's MultiMarginLoss.  Weston, Watkins 1999. y [..., K]  label [...]</summary>
[Named("multiclassHinge")]
public sealed class MulticlassHingeLoss(MulticlassHingeLoss.Options options) : Loss
{
    /// <param name="Margin">How far ahead the right class must be.</param>
    /// <param name="Power">2 squares the gaps.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] float Margin = 1f, [property: Range(1, 2)] int Power = 1);

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes)
    {
        if (kind != TargetKind.Labels) return "the loss is multiclassHinge and the data's targets are real values. It takes class labels. Use hinge, or data with labels.";
        var wanted = new Shape([.. target.Axes, classes]);
        return output == wanted ? null : $"the model gives {output} for each sample and the data has {classes} classes for targets of shape {target}. The model must give {wanted}: let its last layer have {classes} outputs.";
    }

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) =>
        new RowLossNode<MulticlassHinge>(tape, output, new MulticlassHinge(options.Margin, options.Power), output.Shape.Length / output.Shape[-1]);
}
