using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>[2, D] -> [D]: y = (a - b)² / (|a| + |b|), the terms of the chi-square distance of two feature vectors; linear and sigmoid behind it give a similarity.  Taigman et al. 2014, doi:10.1109/CVPR.2014.220 (for features that are not negative).</summary>
[Named("chiSquare")]
public sealed class ChiSquare : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 2 && input[0] == 2 ? new Shape(input[1]) : throw build.Misfit(input, "[2, D]: two feature vectors");

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Terms(tape, x));

    private sealed class Terms(Tape tape, Tensor x) : Node(tape, [x], new Shape(x.Shape[1]))
    {
        private readonly IChiSquare _op = tape.Device.Op<IChiSquare>();

        public override void Forward(Frame frame) => _op.Forward(frame.Samples, Output.Shape.Length, frame.Input(), frame.Output);

        public override void Backward(Frame frame)
        {
            if (frame.InputGradient() is { IsNone: false } dx) _op.Backward(frame.Samples, Output.Shape.Length, frame.Input(), frame.OutputGradient, dx);
        }
    }
}
