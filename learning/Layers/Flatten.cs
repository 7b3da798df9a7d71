namespace DistTrain.Learning;

/// <summary>[a, b, ...] -> [a·b·...]: the same elements as one axis; no copy.</summary>
[Named("flatten")]
public sealed class Flatten : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => new(input.Length);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Flatten", [x], ("axis", 1L));

    public override Tensor Forward(Tape tape, Tensor x) => x.Reshape(new Shape(x.Shape.Length));
}
