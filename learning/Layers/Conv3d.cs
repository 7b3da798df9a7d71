using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>3-D cross-correlation, PyTorch's conv3d; flipped: the convolution of the textbooks, the window turned along all three axes.  x [C, D, H, W]  weight [O, C / groups, KD, KY, KX]  bias [O]  y [O, OD, OY, OX], sizes as conv2d's.  Ji et al. 2013, doi:10.1109/TPAMI.2012.59.</summary>
/// <remarks>Each output depth is a 2-D convolution whose channels are the input's (channel, depth tap) pairs: the weight's own layout.</remarks>
[Named("conv3d")]
public sealed class Conv3d(Conv3d.Options options) : Layer
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Kernel">Height and width of the window.</param>
    /// <param name="Depth">Depth of the window; not given: its height.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 1024)] Pair Kernel, [property: Range(1, 1024)] int? Depth = null) : IValidatableObject
    {
        /// <summary>Step between windows.</summary>
        [Range(1, 1024)] public Pair Stride { get; init; } = new(1, 1);

        /// <summary>Step between windows along the depth; not given: that along the height.</summary>
        [Range(1, 1024)] public int? StrideDepth { get; init; }

        /// <summary>Zeros around each plane, on each side.</summary>
        [Range(0, 1024)] public Pair Padding { get; init; }

        /// <summary>Zero planes at each end; not given: as many as rows.</summary>
        [Range(0, 1024)] public int? PaddingDepth { get; init; }

        /// <summary>Distance between the window's taps.</summary>
        [Range(1, 1024)] public Pair Dilation { get; init; } = new(1, 1);

        /// <summary>Distance between its taps along the depth; not given: that along the height.</summary>
        [Range(1, 1024)] public int? DilationDepth { get; init; }

        /// <summary>Groups of channels that do not see each other.</summary>
        [Range(1, 1 << 20)] public int Groups { get; init; } = 1;

        /// <summary>Whether the bias is there.</summary>
        public bool Bias { get; init; } = true;

        /// <summary>True convolution: the window is turned along depth, height and width before it slides. The weights are kept as they are written, unturned.</summary>
        public bool Flipped { get; init; }

        /// <summary>First weights.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases.</summary>
        public Initializer? BiasInit { get; init; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Out % Groups != 0) yield return new($"is {Groups}. It must divide out = {Out}.", [nameof(Groups)]);
        }
    }

    private Parameter _weight = null!;
    private Parameter? _bias;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        var (depth, plane) = input.Rank == 4 ? (OutDepth(input), Plane(input)) : default;
        if (input.Rank != 4 || input[0] % options.Groups != 0 || depth < 1 || plane.OutY < 1 || plane.OutX < 1)
            throw build.Misfit(input, $"[channels{(options.Groups > 1 ? $" (a multiple of {options.Groups})" : "")}, depth, height, width] of at least the window, {Taps} x {options.Kernel.Y} x {options.Kernel.X} before padding and dilation");
        _weight = build.Parameter("weight", new Shape(options.Out, input[0] / options.Groups, Taps, options.Kernel.Y, options.Kernel.X), options.WeightInit ?? new FanInUniform());
        if (options.Bias) _bias = build.Parameter("bias", new Shape(options.Out), options.BiasInit ?? new FanInUniform(), Fan.Of(_weight.Shape));
        return new Shape(options.Out, depth, plane.OutY, plane.OutX);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        long[] Of(int depth, Pair plane) => [depth, plane.Y, plane.X];
        var pads = Of(PaddingDepth, options.Padding);
        return graph.Add("Conv", _bias is null ? [x, graph.Weights(_weight)] : [x, graph.Weights(_weight), graph.Weights(_bias)], ("kernel_shape", Of(Taps, options.Kernel)),
            ("strides", Of(options.StrideDepth ?? options.Stride.Y, options.Stride)), ("dilations", Of(options.DilationDepth ?? options.Dilation.Y, options.Dilation)), ("pads", (long[])[.. pads, .. pads]), ("group", (long)options.Groups));
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (channels, depth, plane, taps, outDepth) = (x.Shape[0], x.Shape[1], x.Shape[2] * x.Shape[3], Taps, OutDepth(x.Shape));
        // [depth of the output, channel, tap] planes; those past an end are zeros. The table is one of planes.
        var sliced = new Shape(outDepth, channels * taps, x.Shape[2], x.Shape[3]);
        var entries = new List<(int, int, float)>();
        for (var i = 0; i < sliced.Length / plane; i++)
        {
            var (z, c, tap) = (i / taps / channels, i / taps % channels, i % taps);
            var from = z * (options.StrideDepth ?? options.Stride.Y) + tap * (options.DilationDepth ?? options.Dilation.Y) - PaddingDepth;
            if ((uint)from < (uint)depth) entries.Add((i, c * depth + from, 1f));
        }
        var slices = tape.Add(new Rearranged(tape, x, new SparseMatrix(sliced.Length / plane, channels * depth, entries), sliced, plane)
        {
            Field = NodeField.Depths(NodeField.Window(Taps, options.StrideDepth ?? options.Stride.Y, PaddingDepth, options.DilationDepth ?? options.Dilation.Y)),
        });
        var y = tape.Add(new Slices(tape, slices, _weight, _bias, Plane(x.Shape), options.Flipped ? Taps * options.Kernel.Y * options.Kernel.X : 0));
        var (outputs, outPlane) = (options.Out, y.Shape[2] * y.Shape[3]);
        return Rearranged.Selection(tape, y, new Shape(outputs, outDepth, y.Shape[2], y.Shape[3]), i => i % outDepth * outputs + i / outDepth, outPlane);
    }

    private int Taps => options.Depth ?? options.Kernel.Y;

    private int PaddingDepth => options.PaddingDepth ?? options.Padding.Y;

    private int OutDepth(Shape x) => (x[1] + 2 * PaddingDepth - (options.DilationDepth ?? options.Dilation.Y) * (Taps - 1) - 1) / (options.StrideDepth ?? options.Stride.Y) + 1;

    // The convolution of one output depth: its channels are (channel, tap) pairs.
    private Conv2dShape Plane(Shape x) => new(x[0] * Taps, x[2], x[3], options.Out, options.Kernel.Y, options.Kernel.X, options.Stride.Y, options.Stride.X,
        options.Padding.Y, options.Padding.X, options.Dilation.Y, options.Dilation.X, options.Groups);

    // Every output depth of every sample is one sample of the convolution. Turned: taps of a window, 0 where it slides as it is written.
    private sealed class Slices : Node
    {
        private readonly IConv2d _conv;
        private readonly ISparseProduct _turn;
        private readonly SparseMatrix? _turned;
        private readonly Parameter _weight;
        private readonly Parameter? _bias;
        private readonly Conv2dShape _shape;
        private readonly Saved _window;
        private readonly int _depth;
        private readonly ConditionalSegments _segments = new();

        public Slices(Tape tape, Tensor x, Parameter weight, Parameter? bias, Conv2dShape shape, int turned) : base(tape, [x], new Shape(x.Shape[0], shape.Outputs, shape.OutY, shape.OutX), weight, bias)
        {
            (_conv, _turn, _weight, _bias, _shape, _depth) = (tape.Device.Op<IConv2d>(), tape.Device.Op<ISparseProduct>(), weight, bias, shape, x.Shape[0]);
            if (turned > 0) _turned = SparseMatrix.Selection(turned, Enumerable.Range(0, turned).Select(i => turned - 1 - i));
            _window = ScratchOnce(turned > 0 ? weight.Shape.Length : 0);
        }

        public override NodeField FieldOf(int input) => NodeField.Windows(_shape);

        public override long MultiplyAdds => (long)_depth * _shape.OutputLength * _shape.WeightLength / _shape.Outputs;

        public override void Forward(Frame frame) => _conv.Forward(_shape, frame.Samples * _depth, frame.Input(), Window(frame), frame.Weights(_bias), frame.Output, Epilogue.None);

        public override void Backward(Frame frame)
        {
            var gradient = _turned is null ? frame.Gradient(_weight) : frame.Memory(_window);
            _conv.BackwardWeights(_shape, _segments.Times(frame.Segments, _depth), frame.Input(), frame.OutputGradient, gradient, frame.Gradient(_bias));
            if (_turned is not null) _turn.Multiply(_turned, _weight.Shape.Length / _turned.Rows, gradient, frame.Gradient(_weight));
            if (frame.InputGradient() is { IsNone: false } dx) _conv.BackwardInput(_shape, frame.Samples * _depth, frame.OutputGradient, Window(frame), dx);
        }

        private View Window(Frame frame)
        {
            if (_turned is null) return frame.Weights(_weight);
            _turn.Multiply(_turned, _weight.Shape.Length / _turned.Rows, frame.Weights(_weight), frame.Memory(_window));
            return frame.Memory(_window);
        }
    }

    /// <summary>Segments whose samples count several times, made once for each kind of lease.</summary>
    private sealed class ConditionalSegments
    {
        private readonly System.Runtime.CompilerServices.ConditionalWeakTable<Segments, Segments> _made = [];

        public Segments Times(Segments segments, int factor) => _made.TryGetValue(segments, out var made) ? made : Add(segments, factor);

        private Segments Add(Segments segments, int factor)
        {
            var made = segments.Times(factor);
            _made.Add(segments, made);
            return made;
        }
    }
}
