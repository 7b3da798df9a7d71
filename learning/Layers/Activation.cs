using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What a derivative F'(x, y) looks at; the other value's memory may have been overwritten by then.</summary>
[Flags]
public enum DerivativeReads
{
    X = 1,
    Y = 2,
}

/// <summary>y = F(x), element by element; dx = dy·F'(x).  The shape stays. The function is written once over lanes (kernels); it runs as one vector loop.</summary>
public abstract class Activation<TFunction>(TFunction function, DerivativeReads reads) : Layer where TFunction : unmanaged, IElementwiseFunction
{
    public override Shape Build(LayerBuilder build, Shape input) => input;

    /// <summary>The name of the same function among ONNX's operators; null where it has none without options.</summary>
    protected virtual string? OnnxName => GetType().Name switch
    {
        "Relu" or "Sigmoid" or "Tanh" or "Softplus" or "Selu" or "HardSwish" => GetType().Name, "Absolute" => "Abs", _ => null,
    };

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => OnnxName is { } name ? graph.Add(name, [x]) : base.ToOnnx(graph, x, input);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Apply(tape, x, function, reads));

    private sealed class Apply(Tape tape, Tensor x, TFunction function, DerivativeReads reads) : Node(tape, [x], x.Shape)
    {
        private readonly IElementwise<TFunction> _op = tape.Device.Op<IElementwise<TFunction>>();

        public override bool ReadsInputs { get; } = (reads & DerivativeReads.X) != 0;

        public override bool ReadsOutput { get; } = (reads & DerivativeReads.Y) != 0;

        public override bool InPlace => true;

        public override void Forward(Frame frame) => _op.Forward(function, frame.Input(), frame.Output);

        public override void Backward(Frame frame) => // a value that is not read is stood in for by the other
            _op.Backward(function, ReadsInputs ? frame.Input() : frame.Output, ReadsOutput ? frame.Output : frame.Input(), frame.OutputGradient, frame.InputGradient());
    }
}
