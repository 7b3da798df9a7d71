using DistTrain.Kernels.Functions;

namespace DistTrain.Learning;

/// <summary>y = body(x) + shortcut(x), then ReLU when asked for; an empty shortcut is x itself.  dx = both branches' gradients, summed.  He et al. 2015, arXiv:1512.03385.</summary>
[Named("residual")]
public sealed class Residual(Residual.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Layers of the body, named body.0, body.1, ...; none: y = 2x.</summary>
        public IReadOnlyList<Layer> Body { get; init; } = [];

        /// <summary>Layers beside it that bring x to the body's shape: shortcut.0, ...</summary>
        public IReadOnlyList<Layer> Shortcut { get; init; } = [];

        /// <summary>ReLU after the sum, in the same pass.</summary>
        public bool Relu { get; init; }
    }

    private readonly Sequential _body = new([.. options.Body]);
    private readonly Sequential _shortcut = new([.. options.Shortcut]);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        var (body, shortcut) = (build.Child("body", _body, input), build.Child("shortcut", _shortcut, input));
        return body == shortcut ? body : throw build.Misfit(input, $"what body and shortcut bring to one shape; here the body gives {body} and the shortcut {shortcut}");
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var sum = graph.Add("Add", [_body.ToOnnx(graph, x, input), _shortcut.ToOnnx(graph, x, input)]);
        return options.Relu ? graph.Add("Relu", [sum]) : sum;
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (body, shortcut) = (_body.Forward(tape, x), _shortcut.Forward(tape, x));
        return tape.Add(options.Relu ? new Combine<SumRelu>(tape, body, shortcut, readsInputs: false, readsOutput: true)
            : new Combine<Sum>(tape, body, shortcut, readsInputs: false, readsOutput: false));
    }
}
