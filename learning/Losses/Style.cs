using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Style of neural style transfer: the output's features F [C, ...] by their Gram matrix G = F·Fᵀ against the style image's A (the target, [C, C], from the gram layer): loss = Σ (G - A)² / (4·C²·P²),
/// P positions, mean over samples. Normalized: the mean of (G / (C·P) - A)², A normalized too.  Gatys, Ecker, Bethge 2016, doi:10.1109/CVPR.2016.265.
/// </summary>
[Named("style")]
public sealed class Style(Style.Options options) : Loss
{
    /// <param name="Normalized">Gram matrices divided by C·P, mean over their elements: images of several sizes compare.</param>
    public sealed record Options(bool Normalized = false);

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) =>
        kind != TargetKind.Values ? "the loss is style and the data's targets are class labels. It takes the Gram matrix of a style image."
        : output.Rank < 2 || target != new Shape(output[0], output[0]) ? $"the model gives {output} for each sample and the data's targets are {target}. It must give features [C, ...], and the targets must be Gram matrices [C, C]." : null;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind)
    {
        var gram = new Gram(new(options.Normalized)).Forward(tape, output);
        var positions = (double)(output.Shape.Length / output.Shape[0]);
        return ElementLoss.Record(tape, gram, new ScaledSquare(options.Normalized ? 1f : (float)(1.0 / (4.0 * positions * positions))));
    }
}
