using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x / (k + alpha / size·Σ x²)^beta, the sum over <c>size</c> channels around each; x, y [C, ...].  Krizhevsky, Sutskever, Hinton 2012, section 3.3, whose alpha is alpha / size here, as in PyTorch: its 1e-4 over 5 channels is 5e-4.</summary>
[Named("localResponseNorm")]
public sealed class LocalResponseNorm(LocalResponseNorm.Options options) : Layer
{
    /// <param name="Size">Channels of a window.</param>
    /// <param name="Alpha">Weight of the mean square.</param>
    /// <param name="Beta">Exponent.</param>
    /// <param name="K">Added to the mean square.</param>
    public sealed record Options([property: Range(1, 4096)] int Size = 5, [property: Range(0.0, 1e6)] float Alpha = 1e-4f, [property: Range(0.0, 10.0)] float Beta = 0.75f, [property: Range(1e-6, 1e6)] float K = 1f);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank > 1 ? input : throw build.Misfit(input, "[channels, ...]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => options.Size % 2 == 0 ? base.ToOnnx(graph, x, input)
        : graph.Add("LRN", [x], ("alpha", options.Alpha), ("beta", options.Beta), ("bias", options.K), ("size", (long)options.Size));

    public override Tensor Forward(Tape tape, Tensor x) =>
        tape.Add(new Windows(tape, x, new LocalResponseShape(x.Shape[0], x.Shape.Length / x.Shape[0], options.Size, options.Alpha, options.Beta, options.K)));

    private sealed class Windows : Node
    {
        private readonly ILocalResponseNorm _norm;
        private readonly LocalResponseShape _shape;
        private readonly Saved _divisors;

        public Windows(Tape tape, Tensor x, LocalResponseShape shape) : base(tape, [x], x.Shape)
        {
            (_norm, _shape) = (tape.Device.Op<ILocalResponseNorm>(), shape);
            _divisors = Save(x.Shape.Length);
        }

        public override bool ReadsOutput => true;

        public override void Forward(Frame frame) => _norm.Forward(_shape, frame.Samples, frame.Input(), frame.Output, frame.Memory(_divisors));

        public override void Backward(Frame frame) => _norm.Backward(_shape, frame.Samples, frame.Input(), frame.Output, frame.Memory(_divisors), frame.OutputGradient, frame.InputGradient());
    }
}
