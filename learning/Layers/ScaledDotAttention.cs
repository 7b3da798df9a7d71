using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Self-attention: y = softmax(q·kᵀ / √d)·v for each head.  x [T, 3·D]: a row holds q, k and v, each [heads, d], D = heads·d  y [T, D].  Vaswani et al. 2017, arXiv:1706.03762.</summary>
[Named("scaledDotAttention")]
public sealed class ScaledDotAttention(ScaledDotAttention.Options options) : Layer
{
    /// <param name="Heads">Heads; three times their number divides the row.</param>
    /// <param name="Causal">A position sees those up to its own.</param>
    public sealed record Options([property: Range(1, 4096)] int Heads = 1, bool Causal = true);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 2 && input[0] > 0 && input[1] > 0 && input[1] % (3 * options.Heads) == 0
        ? new Shape(input[0], input[1] / 3) : throw build.Misfit(input, $"[steps, 3 x width] with a width that {options.Heads} heads divide");

    public override long MultiplyAdds(Shape input, Shape output) => 2L * input[0] * input[0] * output[1];

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var (steps, heads, width) = (input[0], options.Heads, input[1] / 3 / options.Heads);
        // [N, T, 3, heads, d] -> [3, N, heads, T, d]
        var parts = graph.Split(graph.Add("Transpose", [graph.Reshape(x, steps, 3, heads, width)], ("perm", new long[] { 2, 0, 3, 1, 4 })), 3);
        var q = graph.Add("Squeeze", [parts[0], graph.Constant([0L])]);
        var k = graph.Add("Squeeze", [parts[1], graph.Constant([0L])]);
        var v = graph.Add("Squeeze", [parts[2], graph.Constant([0L])]);
        var scores = graph.Add("Mul", [graph.Add("MatMul", [q, graph.Add("Transpose", [k], ("perm", new long[] { 0, 1, 3, 2 }))]), graph.Scalar(1f / MathF.Sqrt(width))]);
        if (options.Causal)
        {
            var mask = new float[steps * steps];
            for (var t = 0; t < steps; t++) mask.AsSpan(t * steps + t + 1, steps - t - 1).Fill(-1e30f);
            scores = graph.Add("Add", [scores, graph.Constant($"causal_{steps}", [steps, steps], mask)]);
        }
        var mixed = graph.Add("MatMul", [graph.Add("Softmax", [scores], ("axis", 3L)), v]);
        return graph.Reshape(graph.Add("Transpose", [mixed], ("perm", new long[] { 0, 2, 1, 3 })), steps, heads * width);
    }

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Heads(tape, x, new AttentionShape(x.Shape[0], options.Heads, x.Shape[1] / 3 / options.Heads, options.Causal)));

    internal sealed class Heads : Node
    {
        private readonly IAttention _attention;
        private readonly AttentionShape _shape;
        private readonly Saved _weights;

        public Heads(Tape tape, Tensor qkv, AttentionShape shape) : base(tape, [qkv], new Shape(shape.Steps, shape.RowLength))
        {
            (_attention, _shape) = (tape.Device.Op<IAttention>(), shape);
            _weights = Save(shape.Heads * shape.Steps * shape.Steps);
        }

        // Scores and values, of which causal attention computes half.
        public override long MultiplyAdds => (long)_shape.Steps * _shape.Steps * _shape.RowLength * (_shape.Causal ? 1 : 2);

        public override void Forward(Frame frame) => _attention.Forward(_shape, frame.Samples, frame.Input(), frame.Output, frame.Memory(_weights));

        public override void Backward(Frame frame) => _attention.Backward(_shape, frame.Samples, frame.Input(), frame.Memory(_weights), frame.OutputGradient, frame.InputGradient());
    }
}
