using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>2-D cross-correlation, PyTorch's conv2d; flipped: the convolution of the textbooks, y_o = Σ w_{-k}·x_{o+k}.  x [C, H, W]  w [O, C / groups, KY, KX]  b [O]  y [O, OY, OX],  OY = ⌊(H + 2·padding - dilation·(KY - 1) - 1) / stride⌋ + 1.</summary>
[Named("conv2d")]
public sealed class Conv2d(Conv2d.Options options) : Layer, IFusesRelu
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Kernel">Height and width of the window.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 4096)] Pair Kernel) : IValidatableObject
    {
        /// <summary>Step between windows.</summary>
        [Range(1, 4096)] public Pair Stride { get; init; } = new(1, 1);

        /// <summary>Zeros around the input, on each side.</summary>
        [Range(0, 4096)] public Pair Padding { get; init; }

        /// <summary>Distance between the window's taps.</summary>
        [Range(1, 4096)] public Pair Dilation { get; init; } = new(1, 1);

        /// <summary>Groups of channels that do not see each other; the input's channels make depthwise.</summary>
        [Range(1, 1 << 20)] public int Groups { get; init; } = 1;

        /// <summary>Whether b is there.</summary>
        public bool Bias { get; init; } = true;

        /// <summary>True convolution: the window is turned by 180° before it slides. The weights are kept as they are written, unturned.</summary>
        public bool Flipped { get; init; }

        /// <summary>First weights.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases.</summary>
        public Initializer? BiasInit { get; init; }

        /// <summary>Axes of the window that the weight's shape names: 1 where a 1-D layer runs as a line.</summary>
        internal int Axes { get; init; } = 2;

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Out % Groups != 0) yield return new($"is {Groups}. It must divide out = {Out}.", [nameof(Groups)]);
        }
    }

    private Parameter _weight = null!;
    private Parameter? _bias;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        var shape = input.Rank == 3 ? ShapeFor(input) : default;
        if (input.Rank != 3 || input[0] % options.Groups != 0 || shape.OutY < 1 || shape.OutX < 1)
            throw build.Misfit(input, $"[channels{(options.Groups > 1 ? $" (a multiple of {options.Groups})" : "")}, height, width] of at least the window, {Reach(options.Kernel.Y, options.Dilation.Y, options.Padding.Y)} x {Reach(options.Kernel.X, options.Dilation.X, options.Padding.X)} before padding");
        _weight = build.Parameter("weight", new Shape([options.Out, input[0] / options.Groups, .. new[] { options.Kernel.Y, options.Kernel.X }[^options.Axes..]]), options.WeightInit ?? new FanInUniform());
        if (options.Bias) _bias = build.Parameter("bias", new Shape(options.Out), options.BiasInit ?? new FanInUniform(), Fan.Of(_weight.Shape));
        return new Shape(options.Out, shape.OutY, shape.OutX);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => options.Flipped ? base.ToOnnx(graph, x, input)
        : graph.Add("Conv", [x, options.Axes == 2 ? graph.Weights(_weight) : graph.Weights(_weight, options.Out, _weight.Shape[1], options.Kernel.Y, options.Kernel.X), .. _bias is null ? (string[])[] : [graph.Weights(_bias)]],
            ("kernel_shape", new long[] { options.Kernel.Y, options.Kernel.X }), ("strides", new long[] { options.Stride.Y, options.Stride.X }), ("dilations", new long[] { options.Dilation.Y, options.Dilation.X }),
            ("pads", new long[] { options.Padding.Y, options.Padding.X, options.Padding.Y, options.Padding.X }), ("group", (long)options.Groups));

    public override Tensor Forward(Tape tape, Tensor x) => Record(tape, x, Epilogue.None);

    public Tensor ForwardWithRelu(Tape tape, Tensor x) => Record(tape, x, Epilogue.Relu);

    private Tensor Record(Tape tape, Tensor x, Epilogue epilogue) => tape.Add(options.Flipped
        ? new FlippedProduct(tape, x, ShapeFor(x.Shape), _weight, _bias, epilogue)
        : new Product(tape, this, x, ShapeFor(x.Shape), epilogue));

    private Conv2dShape ShapeFor(Shape x) => new(x[0], x[1], x[2], options.Out, options.Kernel.Y, options.Kernel.X,
        options.Stride.Y, options.Stride.X, options.Padding.Y, options.Padding.X, options.Dilation.Y, options.Dilation.X, options.Groups);

    private static int Reach(int kernel, int dilation, int padding) => Math.Max(1, dilation * (kernel - 1) + 1 - 2 * padding);

    private sealed class Product(Tape tape, Conv2d layer, Tensor x, Conv2dShape shape, Epilogue epilogue)
        : Node(tape, [x], new Shape(shape.Outputs, shape.OutY, shape.OutX), layer._weight, layer._bias)
    {
        private readonly IConv2d _conv = tape.Device.Op<IConv2d>();

        public override NodeField FieldOf(int input) => NodeField.Windows(shape);

        private readonly IElementwise<Kernels.Functions.Relu>? _relu = epilogue == Epilogue.Relu ? tape.Device.Op<IElementwise<Kernels.Functions.Relu>>() : null;

        public override bool ReadsOutput => _relu is not null;

        public override long MultiplyAdds => (long)shape.OutputLength * shape.WeightLength / shape.Outputs;

        public override void Forward(Frame frame) =>
            _conv.Forward(shape, frame.Samples, frame.Input(), frame.Weights(layer._weight), frame.Weights(layer._bias), frame.Output, epilogue);

        public override void Backward(Frame frame)
        {
            var (dy, dx) = (frame.OutputGradient, frame.InputGradient());
            _relu?.Backward(default, frame.Output, frame.Output, dy, dy);
            _conv.BackwardWeights(shape, frame.Segments, frame.Input(), dy, frame.Gradient(layer._weight), frame.Gradient(layer._bias));
            if (!dx.IsNone) _conv.BackwardInput(shape, frame.Samples, dy, frame.Weights(layer._weight), dx);
        }
    }
}
