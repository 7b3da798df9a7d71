using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = softmax(q·kᵀ / √d)·v for each head.  x [T, 3·D]: a row holds q, k and v, each [heads, d], D = heads·d  y [T, D].  Vaswani et al. 2017, arXiv:1706.03762.</summary>
[Named("scaledDotAttention")]
public sealed class ScaledDotAttention(ScaledDotAttention.Options options) : Layer
{
    /// <param name="Heads">Heads; three times their number divides the row.</param>
    /// <param name="Causal">A position sees those up to its own.</param>
    public sealed record Options([property: Range(1, 4096)] int Heads = 1, bool Causal = true);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank == 2 && input[0] > 0 && input[1] > 0 && input[1] % (3 * options.Heads) == 0
        ? new Shape(input[0], input[1] / 3) : throw build.Misfit(input, $"[steps, 3 x width] with a width that {options.Heads} heads divide");

    public override long MultiplyAdds(Shape input, Shape output) => 2L * input[0] * input[0] * output[1];

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
