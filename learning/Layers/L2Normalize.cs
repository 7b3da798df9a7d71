using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x / max(‖x‖, epsilon): embeddings on the unit sphere. The norm is over the first axis, position by position.  x, y [D] or [C, ...].  dx = (dy - y·(dy·y)) / ‖x‖.  Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832.</summary>
[Named("l2Normalize")]
public sealed class L2Normalize(L2Normalize.Options options) : Layer
{
    /// <param name="Epsilon">Shortest length that is divided by.</param>
    public sealed record Options([property: Range(0.0, 1.0, MinimumIsExclusive = true)] float Epsilon = 1e-12f);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank > 0 && input.Length > 0 ? input : throw build.Misfit(input, "[channels] or [channels, ...]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) =>
        graph.Add("Div", [x, graph.Add("Max", [graph.Add("ReduceL2", [x], ("axes", new long[] { 1 }), ("keepdims", 1L)), graph.Scalar(options.Epsilon)])]);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Unit(tape, x, options.Epsilon));

    private sealed class Unit(Tape tape, Tensor x, float epsilon) : Node(tape, [x], x.Shape)
    {
        private readonly IUnitNorm _norm = tape.Device.Op<IUnitNorm>();
        private readonly int _channels = x.Shape[0];
        private readonly int _positions = x.Shape.Length / x.Shape[0];

        public override void Forward(Frame frame) => _norm.Forward(frame.Samples, _channels, _positions, epsilon, frame.Input(), frame.Output);

        public override void Backward(Frame frame)
        {
            if (frame.InputGradient() is { IsNone: false } dx) _norm.Backward(frame.Samples, _channels, _positions, epsilon, frame.Input(), frame.OutputGradient, dx);
        }
    }
}
