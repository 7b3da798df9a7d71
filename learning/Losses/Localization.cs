using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean over samples and positions of (y_0 - t_0)² + t_0·Σ_{i ≥ 1} (y_i - t_i)²: the first element says whether there is an object (Pc), the others (box, class) count only where there is one. y, target [..., 1 + K]. A hit: y_0 is on the right side of ½.</summary>
[Named("localization")]
public sealed class Localization : Loss
{
    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) =>
        kind != TargetKind.Values ? "the loss is localization and the data's targets are class labels. It takes values: whether there is an object, then its box and class."
        : output != target || target.Rank == 0 ? $"the model gives {output} for each sample and the data's targets are {target}. Both must be equal, with Pc first on the last axis." : null;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => new RowLossNode<LocalizationError>(tape, output, default, output.Shape.Length / output.Shape[-1]);
}
