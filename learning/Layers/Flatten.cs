namespace DistTrain.Learning;

/// <summary>[a, b, ...] -> [a·b·...]: the same elements as one axis; no copy.</summary>
[Named("flatten")]
public sealed class Flatten : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => new(input.Length);

    public override Tensor Forward(Tape tape, Tensor x) => x.Reshape(new Shape(x.Shape.Length));
}
