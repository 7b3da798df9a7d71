using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Transposed 2-D convolution, PyTorch's conv_transpose2d: the input gradient of a convolution from O to C channels.  x [C, H, W]  weight [C, O / groups, KY, KX]  bias [O]  y [O, OY, OX],  OY = (H - 1)·stride - 2·padding + dilation·(KY - 1) + outputPadding + 1.  Zeiler et al. 2010.</summary>
[Named("convTranspose2d")]
public sealed class ConvTranspose2d(ConvTranspose2d.Options options) : Layer
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Kernel">Height and width of the window.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 4096)] Pair Kernel) : IValidatableObject
    {
        /// <summary>Step between windows in the output.</summary>
        [Range(1, 4096)] public Pair Stride { get; init; } = new(1, 1);

        /// <summary>Rows and columns cut from each side of the output.</summary>
        [Range(0, 4096)] public Pair Padding { get; init; }

        /// <summary>Rows and columns added at the output's end, below the stride or the dilation: which of the sizes that a strided convolution maps to this one is meant.</summary>
        [Range(0, 4096)] public Pair OutputPadding { get; init; }

        /// <summary>Distance between the window's taps.</summary>
        [Range(1, 4096)] public Pair Dilation { get; init; } = new(1, 1);

        /// <summary>Groups of channels that do not see each other.</summary>
        [Range(1, 1 << 20)] public int Groups { get; init; } = 1;

        /// <summary>Whether the bias is there.</summary>
        public bool Bias { get; init; } = true;

        /// <summary>First weights.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases.</summary>
        public Initializer? BiasInit { get; init; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Out % Groups != 0) yield return new($"is {Groups}. It must divide out = {Out}.", [nameof(Groups)]);
            if (OutputPadding.Y >= Math.Max(Stride.Y, Dilation.Y) || OutputPadding.X >= Math.Max(Stride.X, Dilation.X))
                yield return new($"is {OutputPadding}. It must be below the stride {Stride} or the dilation {Dilation}.", [nameof(OutputPadding)]);
        }
    }

    private Parameter _weight = null!;
    private Parameter? _bias;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 3 || input.Length == 0 || input[0] % options.Groups != 0 || Size(input[1], 0) < 1 || Size(input[2], 1) < 1)
            throw build.Misfit(input, $"[channels{(options.Groups > 1 ? $" (a multiple of {options.Groups})" : "")}, height, width] of which the padding leaves something");
        _weight = build.Parameter("weight", new Shape(input[0], options.Out / options.Groups, options.Kernel.Y, options.Kernel.X), options.WeightInit ?? new FanInUniform());
        if (options.Bias) _bias = build.Parameter("bias", new Shape(options.Out), options.BiasInit ?? new FanInUniform(), Fan.Of(_weight.Shape));
        return new Shape(options.Out, Size(input[1], 0), Size(input[2], 1));
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("ConvTranspose", _bias is null ? [x, graph.Weights(_weight)] : [x, graph.Weights(_weight), graph.Weights(_bias)],
        ("kernel_shape", new long[] { options.Kernel.Y, options.Kernel.X }), ("strides", new long[] { options.Stride.Y, options.Stride.X }), ("dilations", new long[] { options.Dilation.Y, options.Dilation.X }),
        ("pads", new long[] { options.Padding.Y, options.Padding.X, options.Padding.Y, options.Padding.X }), ("output_padding", new long[] { options.OutputPadding.Y, options.OutputPadding.X }), ("group", (long)options.Groups));

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (height, width) = (Size(x.Shape[1], 0), Size(x.Shape[2], 1));
        x = Lengthened(tape, x, options.OutputPadding.Y / options.Stride.Y, options.OutputPadding.X / options.Stride.X);
        var y = tape.Add(new Product(tape, _weight, x, new Conv2dShape(options.Out, height, width, x.Shape[0], options.Kernel.Y, options.Kernel.X,
            options.Stride.Y, options.Stride.X, options.Padding.Y, options.Padding.X, options.Dilation.Y, options.Dilation.X, options.Groups)));
        return _bias is null ? y : tape.Add(new ChannelScaled(tape, y, null, _bias));
    }

    // An output padding of a stride or more is what rows of zeros at the input's end would add.
    private static Tensor Lengthened(Tape tape, Tensor x, int rows, int columns)
    {
        if (rows == 0 && columns == 0) return x;
        var (height, width, longer) = (x.Shape[1], x.Shape[2], new Shape(x.Shape[0], x.Shape[1] + rows, x.Shape[2] + columns));
        var entries = Enumerable.Range(0, x.Shape.Length).Select(i => ((i / width / height * (height + rows) + i / width % height) * (width + columns) + i % width, i, 1f));
        return tape.Add(new Rearranged(tape, x, new SparseMatrix(longer.Length, x.Shape.Length, [.. entries]), longer));
    }

    private int Size(int input, int axis)
    {
        int Of(Pair pair) => axis == 0 ? pair.Y : pair.X;
        return (input - 1) * Of(options.Stride) - 2 * Of(options.Padding) + Of(options.Dilation) * (Of(options.Kernel) - 1) + Of(options.OutputPadding) + 1;
    }

    // The shape is that of the convolution from y to x.
    private sealed class Product(Tape tape, Parameter weight, Tensor x, Conv2dShape shape) : Node(tape, [x], new Shape(shape.Channels, shape.Height, shape.Width), weight)
    {
        private readonly IConv2d _conv = tape.Device.Op<IConv2d>();

        public override NodeField FieldOf(int input) => NodeField.Transposed(shape);

        public override long MultiplyAdds => (long)shape.OutputLength * shape.WeightLength / shape.Outputs;

        public override void Forward(Frame frame) => _conv.BackwardInput(shape, frame.Samples, frame.Input(), frame.Weights(weight), frame.Output);

        public override void Backward(Frame frame)
        {
            _conv.BackwardWeights(shape, frame.Segments, frame.OutputGradient, frame.Input(), frame.Gradient(weight), View.None);
            if (frame.InputGradient() is { IsNone: false } dx) _conv.Forward(shape, frame.Samples, frame.OutputGradient, frame.Weights(weight), View.None, dx, Epilogue.None);
        }
    }
}
