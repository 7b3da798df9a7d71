using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Style of neural style transfer: the output's features F [C, ...] by their Gram matrix G = F·Fᵀ against the style image's A: the target is A itself, [C, C], or the style's features [C, ...] (or as many elements as F, read in its shape), whose Gram matrix is then taken here: loss = Σ (G - A)² / (4·C²·P²),
/// P positions, mean over samples. Normalized: the mean of (G / (C·P) - A)², A normalized too.  Gatys, Ecker, Bethge 2016, doi:10.1109/CVPR.2016.265.
/// </summary>
[Named("style")]
public sealed class Style(Style.Options options) : Loss
{
    /// <param name="Normalized">Gram matrices divided by C·P, mean over their elements: images of several sizes compare.</param>
    public sealed record Options(bool Normalized = false);

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) =>
        kind != TargetKind.Values ? "the loss is style and the data's targets are class labels. It takes the Gram matrix of a style image."
        : output.Rank < 2 || (target != new Shape(output[0], output[0]) && target.Length != output.Length && (target.Rank < 2 || target[0] != output[0])) ? $"the model gives {output} for each sample and the data's targets are {target}. It must give features [C, ...], and the targets must be Gram matrices [C, C] or the style's features: [C, ...] of as many channels, or as many elements as the output." : null;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind)
    {
        var gram = new Gram(new(options.Normalized)).Forward(tape, output);
        var positions = (double)(output.Shape.Length / output.Shape[0]);
        var wanted = tape.TargetShape is { } target && target != gram.Shape ? new Gram(new(options.Normalized)).Forward(tape, tape.Add(new Wanted(tape, target.Length == output.Shape.Length ? output.Shape : target))) : null;
        return ElementLoss.Record(tape, gram, new ScaledSquare(options.Normalized ? 1f : (float)(1.0 / (4.0 * positions * positions))), wanted: wanted);
    }

    // The data's targets as a tensor: no gradient flows to them.
    private sealed class Wanted(Tape tape, Shape target) : Node(tape, [], target)
    {
        private readonly IVector _vector = tape.Device.Op<IVector>();

        public override void Forward(Frame frame) => _vector.Copy(frame.Target, frame.Output);

        public override void Backward(Frame frame)
        {
        }
    }
}
