using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = max over windows of each channel's plane; a tie takes the lowest index.  x [C, H, W]  y [C, OY, OX],  OY = ⌊(H + 2·padding - kernel) / stride⌋ + 1.  dy goes to the maximum.</summary>
[Named("maxPool2d")]
public sealed class MaxPool2d(MaxPool2d.Options options) : Layer
{
    /// <param name="Kernel">Height and width of the window.</param>
    /// <param name="Stride">Step between windows; not given: the kernel.</param>
    /// <param name="Padding">Cells around the input that never win; at most half the kernel.</param>
    public sealed record Options([property: Range(1, 4096)] Pair Kernel, [property: Range(1, 4096)] Pair? Stride = null, [property: Range(0, 2048)] Pair Padding = default) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Window.Validate(Kernel, Padding);
    }

    /// <summary>Rows are a volume's depth.</summary>
    internal bool AlongDepth { get; init; }

    public override Shape Build(LayerBuilder build, Shape input) => Window.Output(build, input, options.Kernel, options.Stride, options.Padding);

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("MaxPool", [x], [.. Window.ToOnnx(options.Kernel, options.Stride, options.Padding)]);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Pool(tape, x, Window.Of(x.Shape, options.Kernel, options.Stride, options.Padding), AlongDepth));

    private sealed class Pool : Node
    {
        private readonly IMaxPool2d _pool;
        private readonly Pool2dShape _shape;
        private readonly Saved _argmax;
        private readonly bool _alongDepth;

        public Pool(Tape tape, Tensor x, Pool2dShape shape, bool alongDepth) : base(tape, [x], new Shape(shape.Channels, shape.OutY, shape.OutX))
        {
            (_pool, _shape, _alongDepth) = (tape.Device.Op<IMaxPool2d>(), shape, alongDepth);
            _argmax = Save(shape.OutputLength);
        }

        public override NodeField FieldOf(int input) => NodeField.Windows(_shape, _alongDepth);

        public override bool ReadsInputs => false;

        public override void Forward(Frame frame) => _pool.Forward(_shape, frame.Samples, frame.Input(), frame.Output, frame.Memory(_argmax));

        public override void Backward(Frame frame) => _pool.Backward(_shape, frame.Samples, frame.OutputGradient, frame.Memory(_argmax), frame.InputGradient());
    }
}
