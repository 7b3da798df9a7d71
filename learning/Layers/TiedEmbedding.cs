using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// An embedding, layers on its rows, and an output with the same table: y = body(E[x])·Eᵀ.  x [T] tokens  E [vocabulary, width]  body [T, width]  y [T, vocabulary].
/// E's gradient is the sum of both uses within each micro-batch.  Press, Wolf 2016, arXiv:1608.05859; Inan, Khosravi, Socher 2016, arXiv:1611.01462.
/// </summary>
[Named("tiedEmbedding")]
public sealed class TiedEmbedding(TiedEmbedding.Options options) : Layer
{
    /// <param name="Vocabulary">Tokens: ids are below it.</param>
    /// <param name="Width">Elements of a row.</param>
    public sealed record Options([property: Range(1, 1 << 24)] int Vocabulary, [property: Range(1, 1 << 16)] int Width)
    {
        /// <summary>Layers between, named body.0, ...; they keep the width.</summary>
        public IReadOnlyList<Layer> Body { get; init; } = [];

        /// <summary>Whether the output has a bias.</summary>
        public bool Bias { get; init; }

        /// <summary>First rows; not given: normal with deviation 0.02. PyTorch's deviation of 1 would make large outputs.</summary>
        public Initializer? Init { get; init; }
    }

    private readonly Embedding _embedding = new(new(options.Vocabulary, options.Width) { Init = options.Init ?? new Normal(new(0.02f)) });
    private readonly Sequential _body = new([.. options.Body]);
    private Linear _output = null!;
    private Shape _rows;
    private Shape _result;

    public override int Vocabulary => options.Vocabulary;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _rows = build.Child("embedding", _embedding, input);
        _result = build.Child("body", _body, _rows);
        _output = new Linear(new(options.Vocabulary, options.Bias) { Shared = () => _embedding.Weight, BiasInit = new Constant(new(0f)) });
        return build.Child("output", _output, _result);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => _output.ToOnnx(graph, _body.ToOnnx(graph, _embedding.ToOnnx(graph, x, input), _rows), _result);

    public override Tensor Forward(Tape tape, Tensor x) => _output.Forward(tape, _body.Forward(tape, _embedding.Forward(tape, x)));
}
