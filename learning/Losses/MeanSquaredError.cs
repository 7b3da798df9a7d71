using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of (y - target)² over samples and elements;  dy = 2·(y - target) / (n·elements).</summary>
[Named("mse")]
public sealed class MeanSquaredError : Loss
{
    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes)
    {
        if (kind != TargetKind.Values) return "the loss is mse and the data's targets are class labels. It takes real values. Use crossEntropy, or data with values.";
        return output == target || (target.Rank == 0 && output.Length == 1) ? null : $"the model gives {output} for each sample and the data's targets are {target}. Both must be equal: let the last layer have {target.Length} outputs.";
    }

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => new Node(tape, output);

    private sealed class Node(Tape tape, Tensor output) : LossNode(tape, output)
    {
        private readonly IMeanSquaredError _loss = tape.Device.Op<IMeanSquaredError>();
        private readonly int _elements = output.Shape.Length;

        public override void Forward(Frame frame) =>
            _loss.Forward(frame.Segments, _elements, frame.Input(), frame.Target, frame.LossScale(_elements), frame.InputGradient(), frame.Metrics);
    }
}
