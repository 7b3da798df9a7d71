namespace DistTrain.Learning;

/// <summary>An inner layer that sees each sample as one axis; it adds nothing to the names.</summary>
internal sealed class Flattened(Layer inner) : Layer
{
    internal Layer Inner => inner;

    public override int Vocabulary => inner.Vocabulary;

    public override Shape Build(LayerBuilder build, Shape input) => inner.Build(build, new Shape(input.Length));

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => inner.ToOnnx(graph, graph.Add("Flatten", [x], ("axis", 1L)), new Shape(input.Length));

    public override Tensor Forward(Tape tape, Tensor x) => inner.Forward(tape, x.Reshape(new Shape(x.Shape.Length)));
}
