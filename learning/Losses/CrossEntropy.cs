using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// loss = mean of -Σ_k q_k·log softmax(y)_k over samples and positions, q = (1 - s)·onehot(label) + s / K.  y [..., K] or [K, height, width]  label [...]  dy = (softmax(y) - q) / n.
/// With class weights: Σ of -Σ_k q_k·w_k·log softmax(y)_k over Σ w_label, and ignored labels count nowhere, as PyTorch; the sum of weights is the whole step's, by the tree.
/// </summary>
[Named("crossEntropy")]
public sealed class CrossEntropy(CrossEntropy.Options options) : Loss
{
    /// <param name="LabelSmoothing">s: the share of each label that is spread over all classes.  Szegedy et al. 2016, arXiv:1512.00567.</param>
    /// <param name="ClassWeights">What each class counts; not given: all 1.</param>
    /// <param name="IgnoreIndex">Samples or positions with this label do not count; not given: none.</param>
    public sealed record Options(
        [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float LabelSmoothing = 0f,
        [property: Range(0.0, 1e6)] IReadOnlyList<float>? ClassWeights = null,
        int? IgnoreIndex = null);

    public override LossFactor Factor => options.ClassWeights is not null || options.IgnoreIndex is not null ? LossFactor.OfTargets : LossFactor.None;

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes)
    {
        if (kind != TargetKind.Labels) return "the loss is crossEntropy and the data's targets are real values. It takes class labels. Use mse, klDivergence (probabilities), or data with labels.";
        if (options.ClassWeights is { } weights && weights.Count != classes) return $"classWeights has {weights.Count} numbers and the data has {classes} classes. It must have one for each class.";
        var wanted = new Shape([.. target.Axes, classes]);
        return output == wanted || IsClassesFirst(output, target, classes) ? null : $"the model gives {output} for each sample and the data has {classes} classes for targets of shape {target}. The model must give {wanted}: let its last layer have {classes} outputs.";
    }

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind)
    {
        var target = tape.TargetShape!.Value;
        var classes = output.Shape.Length / target.Length;
        var classesFirst = output.Shape != new Shape([.. target.Axes, classes]) && IsClassesFirst(output.Shape, target, classes);
        var weighted = options.ClassWeights is not null || options.IgnoreIndex is not null;
        return weighted || classesFirst
            ? new RowLossNode<WeightedCrossEntropy>(tape, output, new WeightedCrossEntropy(options.ClassWeights is { } w ? [.. w] : null, options.IgnoreIndex, options.LabelSmoothing, weighted), target.Length, classesFirst)
            : new Node(tape, output, options.LabelSmoothing);
    }

    // [K, height, width] for labels [height, width]: what a convolution gives, a label for every pixel.
    private static bool IsClassesFirst(Shape output, Shape target, int classes) => target.Rank == 2 && output == new Shape([classes, .. target.Axes]);

    private sealed class Node(Tape tape, Tensor output, float smoothing) : LossNode(tape, output)
    {
        private readonly ISoftmaxCrossEntropy _loss = tape.Device.Op<ISoftmaxCrossEntropy>();
        private readonly int _classes = output.Shape[-1];
        private readonly int _rows = output.Shape.Length / output.Shape[-1];

        public override void Forward(Frame frame) =>
            _loss.Forward(frame.Segments, _rows, _classes, frame.Input(), frame.Target, frame.LossScale(_rows), smoothing, frame.InputGradient(), frame.Metrics);
    }
}
