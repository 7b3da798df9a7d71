namespace DistTrain.Learning;

/// <summary>Layers one after the other, where a list of layers stands for one: a branch of a concat. Named 0, 1, 2, ...</summary>
[Named("sequential")]
public sealed class Chain(Chain.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>In order; none: y = x.</summary>
        public IReadOnlyList<Layer> Layers { get; init; } = [];
    }

    private readonly Sequential _layers = new([.. options.Layers]);

    internal Sequential Inner => _layers;

    public override int Vocabulary => _layers.Vocabulary;

    public override Shape Build(LayerBuilder build, Shape input) => _layers.Build(build, input);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => _layers.ToOnnx(graph, x, input);

    public override Tensor Forward(Tape tape, Tensor x) => _layers.Forward(tape, x);
}
