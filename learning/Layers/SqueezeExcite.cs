using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y_c = x_c·s_c: each channel times a gate s = sigmoid(W2·relu(W1·mean(x) + b1) + b2), W1 [C / reduction, C], W2 [C, C / reduction].  x, y [C, H, W].  Hu et al. 2017, arXiv:1709.01507.</summary>
[Named("squeezeExcite")]
public sealed class SqueezeExcite(SqueezeExcite.Options options) : Layer
{
    /// <param name="Reduction">How many times fewer units the hidden layer has than channels; at least one unit stays.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Reduction = 16)
    {
        /// <summary>Units of the hidden layer; not given: channels / reduction.</summary>
        [Range(1, 1 << 20)] public int? Hidden { get; init; }

        /// <summary>Swish in place of ReLU before the second layer, as EfficientNet has it.</summary>
        public bool Swish { get; init; }
    }

    private Sequential _gate = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 3 || input.Length == 0) throw build.Misfit(input, "[channels, height, width]");
        _gate = new Sequential(new GlobalAveragePool(), new Linear(new(options.Hidden ?? Math.Max(1, input[0] / options.Reduction))), options.Swish ? new Silu() : new Relu(), new Linear(new(input[0])), new Sigmoid());
        build.Child("gate", _gate, input);
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Mul", [x, graph.Reshape(_gate.ToOnnx(graph, x, input), input[0], 1, 1)]);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Gated(tape, x, _gate.Forward(tape, x)));

    // Samples and channels are one axis of the op: a gate's gradient sums over its own plane alone.
    private sealed class Gated(Tape tape, Tensor x, Tensor gate) : Node(tape, [x, gate], x.Shape)
    {
        private readonly IChannelScale _scale = tape.Device.Op<IChannelScale>();
        private readonly Segments _one = Segments.One(1);
        private readonly int _channels = x.Shape[0];
        private readonly int _positions = x.Shape.Length / x.Shape[0];

        public override void Forward(Frame frame) => _scale.Forward(1, frame.Samples * _channels, _positions, frame.Input(0), frame.Input(1), View.None, frame.Output);

        public override void Backward(Frame frame)
        {
            if (!frame.InputGradient(1).IsNone) _scale.BackwardWeights(_one, frame.Samples * _channels, _positions, frame.Input(0), frame.OutputGradient, frame.InputGradient(1), View.None);
            if (!frame.InputGradient(0).IsNone) _scale.Forward(1, frame.Samples * _channels, _positions, frame.OutputGradient, frame.Input(1), View.None, frame.InputGradient(0));
        }
    }
}
