namespace DistTrain.Learning;

/// <summary>An inner layer that sees each sample as one axis; it adds nothing to the names.</summary>
internal sealed class Flattened(Layer inner) : Layer
{
    public override int Vocabulary => inner.Vocabulary;

    public override Shape Build(LayerBuilder build, Shape input) => inner.Build(build, new Shape(input.Length));

    public override Tensor Forward(Tape tape, Tensor x) => inner.Forward(tape, x.Reshape(new Shape(x.Shape.Length)));
}
