namespace DistTrain.Learning;

/// <summary>Layers one after the other, named 0, 1, 2, ... as PyTorch's nn.Sequential. A ReLU after a linear or convolution runs in the product's last pass.</summary>
public sealed class Sequential(params IReadOnlyList<Layer> layers) : Layer
{
    private readonly Shape[] _inputs = new Shape[layers.Count];
    private string _path = "";

    public IReadOnlyList<Layer> Layers { get; } = layers;

    public override int Vocabulary => Layers.Count > 0 ? Layers[0].Vocabulary : 0;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _path = build.Path.Length > 0 ? $"{build.Path}." : "";
        for (var i = 0; i < Layers.Count; i++)
        {
            _inputs[i] = input;
            input = build.Child($"{i}", Layers[i], input);
        }
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        for (var i = 0; i < Layers.Count; i++) x = Layers[i].ToOnnx(graph, x, _inputs[i]);
        return x;
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        for (var i = 0; i < Layers.Count; i++)
        {
            if (Layers[i] is IFusesRelu product && i + 1 < Layers.Count && Layers[i + 1] is Relu)
            {
                x = product.ForwardWithRelu(tape, x);
                tape.Marks.Add(($"{_path}{i}", Layers[i], x));
                i++;
            }
            else x = Layers[i].Forward(tape, x);
            tape.Marks.Add(($"{_path}{i}", Layers[i], x));
        }
        return x;
    }
}
