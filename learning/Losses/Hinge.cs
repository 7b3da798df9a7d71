using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of max(0, margin - s·y)^power over samples and elements, s = ±1 the side of the target: the soft-margin SVM, with weightDecay as its ½‖w‖².  Cortes, Vapnik 1995, doi:10.1007/BF00994018.</summary>
[Named("hinge")]
public sealed class Hinge(Hinge.Options options) : ValueLoss
{
    /// <param name="Margin">How far on the right side is enough.</param>
    /// <param name="Power">2 squares the gap.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] float Margin = 1f, [property: Range(1, 2)] int Power = 1);

    protected override string Name => "hinge";

    protected override bool TakesLabels => true;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => Record(tape, output, new HingeLoss(options.Margin, options.Power), kind);
}
