using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y_t = weight[x_t]: a row of the table for each token.  x [...] whole numbers in [0, vocabulary)  weight [vocabulary, width]  y [..., width].  d weight: the rows of dy of each token, summed.  Bengio et al. 2003.</summary>
[Named("embedding")]
public sealed class Embedding(Embedding.Options options) : Layer
{
    /// <param name="Vocabulary">Tokens: ids are below it.</param>
    /// <param name="Width">Elements of a row.</param>
    public sealed record Options([property: Range(1, 1 << 24)] int Vocabulary, [property: Range(1, 1 << 16)] int Width)
    {
        /// <summary>First rows; not given: normal with deviation 1, as PyTorch draws them.</summary>
        public Initializer? Init { get; init; }
    }

    private Parameter _weight = null!;

    internal Parameter Weight => _weight;

    public override int Vocabulary => options.Vocabulary;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _weight = build.Parameter("weight", new Shape(options.Vocabulary, options.Width), options.Init ?? new Normal(new(1f)));
        return new Shape([.. input.Axes, options.Width]);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Gather", [graph.Weights(_weight), graph.Add("Cast", [x], ("to", (long)OnnxGraph.Int64))], ("axis", 0L));

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Rows(tape, x, _weight));

    private sealed class Rows(Tape tape, Tensor x, Parameter weight) : Node(tape, [x], new Shape([.. x.Shape.Axes, weight.Shape[1]]), weight)
    {
        private readonly IEmbedding _embedding = tape.Device.Op<IEmbedding>();
        private readonly IVector _vector = tape.Device.Op<IVector>();
        private readonly int _rowsPerSample = x.Shape.Length;

        public override void Forward(Frame frame) => _embedding.Forward(weight.Shape[0], weight.Shape[1], frame.Input(), frame.Weights(weight), frame.Output);

        public override void Backward(Frame frame)
        {
            _embedding.BackwardTable(frame.Segments, _rowsPerSample, weight.Shape[0], weight.Shape[1], frame.Input(), frame.OutputGradient, frame.Gradient(weight));
            if (frame.InputGradient() is { IsNone: false } dx) _vector.Fill(dx, 0f); // a token is a name, not a quantity
        }
    }
}
