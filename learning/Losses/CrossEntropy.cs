using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of -Σ_k q_k·log softmax(y)_k over samples and positions, q = (1 - s)·onehot(label) + s / K.  y [..., K]  label [...]  dy = (softmax(y) - q) / n.</summary>
[Named("crossEntropy")]
public sealed class CrossEntropy(CrossEntropy.Options options) : Loss
{
    /// <param name="LabelSmoothing">s: the share of each label that is spread over all classes.  Szegedy et al. 2016, arXiv:1512.00567.</param>
    public sealed record Options([property: Range(0.0, 1.0, MaximumIsExclusive = true)] float LabelSmoothing = 0f);

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes)
    {
        if (kind != TargetKind.Labels) return "the loss is crossEntropy and the data's targets are real values. It takes class labels. Use mse, or data with labels.";
        var wanted = new Shape([.. target.Axes, classes]);
        return output == wanted ? null : $"the model gives {output} for each sample and the data has {classes} classes for targets of shape {target}. The model must give {wanted}: let its last layer have {classes} outputs.";
    }

    public override LossNode Record(Tape tape, Tensor output) => new Node(tape, output, options.LabelSmoothing);

    private sealed class Node(Tape tape, Tensor output, float smoothing) : LossNode(tape, output)
    {
        private readonly ISoftmaxCrossEntropy _loss = tape.Device.Op<ISoftmaxCrossEntropy>();
        private readonly int _classes = output.Shape[-1];
        private readonly int _rows = output.Shape.Length / output.Shape[-1];

        public override void Forward(Frame frame) =>
            _loss.Forward(frame.Segments, _rows, _classes, frame.Input(), frame.Target, frame.LossScale(_rows), smoothing, frame.InputGradient(), frame.Metrics);
    }
}
