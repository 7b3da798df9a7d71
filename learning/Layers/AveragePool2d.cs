using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = mean over windows of each channel's plane, padding counted as zeros, or not counted.  x [C, H, W]  y [C, OY, OX],  OY = ⌊(H + 2·padding - kernel) / stride⌋ + 1.  dy spreads evenly.</summary>
[Named("averagePool2d")]
public sealed class AveragePool2d(AveragePool2d.Options options) : Layer
{
    /// <param name="Kernel">Height and width of the window.</param>
    /// <param name="Stride">Step between windows; not given: the kernel.</param>
    /// <param name="Padding">Zeros around the input; at most half the kernel.</param>
    /// <param name="CountPadding">Divides by the window's whole size (PyTorch's count_include_pad); otherwise by what of it lies inside the plane.</param>
    public sealed record Options([property: Range(1, 4096)] Pair Kernel, [property: Range(1, 4096)] Pair? Stride = null, [property: Range(0, 2048)] Pair Padding = default, bool CountPadding = true) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Window.Validate(Kernel, Padding);
    }

    /// <summary>Rows are a volume's depth.</summary>
    internal bool AlongDepth { get; init; }

    public override Shape Build(LayerBuilder build, Shape input) => Window.Output(build, input, options.Kernel, options.Stride, options.Padding);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("AveragePool", [x], [.. Window.ToOnnx(options.Kernel, options.Stride, options.Padding), ("count_include_pad", options.CountPadding ? 1L : 0L)]);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Pool(tape, x, Window.Of(x.Shape, options.Kernel, options.Stride, options.Padding) with { CountPadding = options.CountPadding }, AlongDepth));

    private sealed class Pool(Tape tape, Tensor x, Pool2dShape shape, bool alongDepth) : Node(tape, [x], new Shape(shape.Channels, shape.OutY, shape.OutX))
    {
        private readonly IAveragePool2d _pool = tape.Device.Op<IAveragePool2d>();

        public override NodeField FieldOf(int input) => NodeField.Windows(shape, alongDepth);

        public override bool ReadsInputs => false;

        public override void Forward(Frame frame) => _pool.Forward(shape, frame.Samples, frame.Input(), frame.Output);

        public override void Backward(Frame frame) => _pool.Backward(shape, frame.Samples, frame.OutputGradient, frame.InputGradient());
    }
}
