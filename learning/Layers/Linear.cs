using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x·wᵀ + b on the last axis.  x [..., I]  w [O, I]  b [O]  y [..., O].  dx = dy·w,  dw = dyᵀ·x,  db = Σ dy.</summary>
[Named("linear")]
public sealed class Linear(Linear.Options options) : Layer, IFusesRelu
{
    /// <param name="Out">Outputs, O.</param>
    /// <param name="Bias">Whether b is there.</param>
    public sealed record Options([property: Range(1, 1 << 24)] int Out, bool Bias = true)
    {
        /// <summary>First weights.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases.</summary>
        public Initializer? BiasInit { get; init; }

        /// <summary>Weights of another layer, [O, I], that this one shares.</summary>
        internal Func<Parameter>? Shared { get; init; }
    }

    private Parameter _weight = null!;
    private Parameter? _bias;
    private string _path = "";

    internal Parameter Weight => _weight;

    internal Parameter? BiasParameter => _bias;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank < 1) throw build.Misfit(input, "[..., inputs]");
        _path = build.Path;
        _weight = options.Shared?.Invoke() ?? build.Parameter("weight", new Shape(options.Out, input[-1]), options.WeightInit ?? new FanInUniform());
        if (_weight.Shape != new Shape(options.Out, input[-1])) throw build.Misfit(input, $"[..., {_weight.Shape[1]}], the width of the weights {_weight.Shape} that it shares");
        if (options.Bias) _bias = build.Parameter("bias", new Shape(options.Out), options.BiasInit ?? new FanInUniform(), Fan.Of(_weight.Shape));
        return new Shape([.. input.Axes[..^1], options.Out]);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        if (input.Rank == 1) return graph.Add("Gemm", _bias is null ? [x, graph.Weights(_weight)] : [x, graph.Weights(_weight), graph.Weights(_bias)], ("transB", 1L));
        var product = graph.Add("MatMul", [x, graph.Add("Transpose", [graph.Weights(_weight)], ("perm", new long[] { 1, 0 }))]);
        return _bias is null ? product : graph.Add("Add", [product, graph.Weights(_bias)]);
    }

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Product(tape, this, x, Epilogue.None));

    public Tensor ForwardWithRelu(Tape tape, Tensor x) => tape.Add(new Product(tape, this, x, Epilogue.Relu));

    private sealed class Product(Tape tape, Linear layer, Tensor x, Epilogue epilogue)
        : Node(tape, [x], new Shape([.. x.Shape.Axes[..^1], layer._weight.Shape[0]]), layer._weight, layer._bias)
    {
        private readonly ILinear _linear = tape.Device.Op<ILinear>();
        private readonly IElementwise<Kernels.Functions.Relu>? _relu = epilogue == Epilogue.Relu ? tape.Device.Op<IElementwise<Kernels.Functions.Relu>>() : null;
        private readonly int _rowsPerSample = x.Shape.Length / x.Shape[-1];
        private readonly int _inputs = x.Shape[-1];
        private readonly int _outputs = layer._weight.Shape[0];

        public override bool ReadsOutput => _relu is not null;

        public override NodeField FieldOf(int input) => NodeField.Rows(x.Shape);

        // Not the path of a weight that it shares.
        public override string Place => layer._path;

        public override long MultiplyAdds => (long)_rowsPerSample * _inputs * _outputs;

        public override void Forward(Frame frame) =>
            _linear.Forward(frame.Samples * _rowsPerSample, _inputs, _outputs, frame.Input(), frame.Weights(layer._weight), frame.Weights(layer._bias), frame.Output, epilogue);

        public override void Backward(Frame frame)
        {
            var (dy, dx) = (frame.OutputGradient, frame.InputGradient());
            _relu?.Backward(default, frame.Output, frame.Output, dy, dy);
            _linear.BackwardWeights(frame.Segments, _rowsPerSample, _inputs, _outputs, frame.Input(), dy, frame.Gradient(layer._weight), frame.Gradient(layer._bias));
            if (!dx.IsNone) _linear.BackwardInput(frame.Samples * _rowsPerSample, _inputs, _outputs, dy, frame.Weights(layer._weight), dx);
        }
    }
}
