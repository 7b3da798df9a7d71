using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>1-D cross-correlation, PyTorch's conv1d: a 2-D one over a single line.  x [C, T]  weight [O, C / groups, K]  bias [O]  y [O, OT],  OT = ⌊(T + 2·padding - dilation·(K - 1) - 1) / stride⌋ + 1.</summary>
[Named("conv1d")]
public sealed class Conv1d(Conv1d.Options options) : Layer, IFusesRelu
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Kernel">Steps of the window.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 4096)] int Kernel) : IValidatableObject
    {
        /// <summary>Step between windows.</summary>
        [Range(1, 4096)] public int Stride { get; init; } = 1;

        /// <summary>Zeros at each end.</summary>
        [Range(0, 4096)] public int Padding { get; init; }

        /// <summary>Distance between the window's taps.</summary>
        [Range(1, 4096)] public int Dilation { get; init; } = 1;

        /// <summary>Groups of channels that do not see each other.</summary>
        [Range(1, 1 << 20)] public int Groups { get; init; } = 1;

        /// <summary>Whether the bias is there.</summary>
        public bool Bias { get; init; } = true;

        /// <summary>True convolution: the window is turned before it slides.</summary>
        public bool Flipped { get; init; }

        /// <summary>First weights.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases.</summary>
        public Initializer? BiasInit { get; init; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => new Conv2d.Options(Out, new Pair(1, Kernel)) { Groups = Groups }.Validate(validationContext);
    }

    private readonly Conv2d _line = new(new(options.Out, new Pair(1, options.Kernel))
    {
        Stride = new Pair(1, options.Stride), Padding = new Pair(0, options.Padding), Dilation = new Pair(1, options.Dilation), Groups = options.Groups, Bias = options.Bias,
        WeightInit = options.WeightInit, BiasInit = options.BiasInit, Flipped = options.Flipped, Axes = 1,
    });

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 2) throw build.Misfit(input, "[channels, steps]");
        var output = _line.Build(build, new Shape(input[0], 1, input[1]));
        return new Shape(output[0], output[2]);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var y = _line.ToOnnx(graph, graph.Reshape(x, input[0], 1, input[1]), new Shape(input[0], 1, input[1]));
        return graph.Add("Squeeze", [y, graph.Constant([2L])]);
    }

    public override Tensor Forward(Tape tape, Tensor x) => Flat(_line.Forward(tape, Line(x)));

    public Tensor ForwardWithRelu(Tape tape, Tensor x) => Flat(_line.ForwardWithRelu(tape, Line(x)));

    private static Tensor Line(Tensor x) => x.Reshape(new Shape(x.Shape[0], 1, x.Shape[1]));

    private static Tensor Flat(Tensor y) => y.Reshape(new Shape(y.Shape[0], y.Shape[2]));
}
