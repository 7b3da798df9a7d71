using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Content of neural style transfer: loss = ½·Σ (F - P)² per sample of features F (the output) and those of the content image P (the target), mean over samples;  dF = (F - P) / n. Normalized: the mean of (F - P)² over elements.  Gatys, Ecker, Bethge 2016, doi:10.1109/CVPR.2016.265.</summary>
[Named("content")]
public sealed class Content(Content.Options options) : ValueLoss
{
    /// <param name="Normalized">Mean over elements in place of half their sum, so that layers of all sizes count alike.</param>
    public sealed record Options(bool Normalized = false);

    protected override string Name => "content";

    // The op's scale is 1 / (n·elements): half the sum of squares is elements / 2 times their mean.
    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => Record(tape, output, new ScaledSquare(options.Normalized ? 1f : 0.5f * output.Shape.Length), kind);
}
