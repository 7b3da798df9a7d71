using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>3-D cross-correlation, PyTorch's conv3d.  x [C, D, H, W]  weight [O, C / groups, KD, KY, KX]  bias [O]  y [O, OD, OY, OX], sizes as conv2d's.  Ji et al. 2013, doi:10.1109/TPAMI.2012.59.</summary>
/// <remarks>Each output depth is a 2-D convolution whose channels are the input's (channel, depth tap) pairs: the weight's own layout.</remarks>
[Named("conv3d")]
public sealed class Conv3d(Conv3d.Options options) : Layer
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Kernel">Taps along depth, height and width.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 1024)] int Kernel) : IValidatableObject
    {
        /// <summary>Step between windows, along all three.</summary>
        [Range(1, 1024)] public int Stride { get; init; } = 1;

        /// <summary>Zeros on each side, along all three.</summary>
        [Range(0, 1024)] public int Padding { get; init; }

        /// <summary>Distance between the window's taps, along all three.</summary>
        [Range(1, 1024)] public int Dilation { get; init; } = 1;

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
        }
    }

    private Parameter _weight = null!;
    private Parameter? _bias;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 4 || input[0] % options.Groups != 0 || Size(input[1]) < 1 || Size(input[2]) < 1 || Size(input[3]) < 1)
            throw build.Misfit(input, $"[channels{(options.Groups > 1 ? $" (a multiple of {options.Groups})" : "")}, depth, height, width] of at least {Math.Max(1, options.Dilation * (options.Kernel - 1) + 1 - 2 * options.Padding)} along each");
        _weight = build.Parameter("weight", new Shape(options.Out, input[0] / options.Groups, options.Kernel, options.Kernel, options.Kernel), options.WeightInit ?? new FanInUniform());
        if (options.Bias) _bias = build.Parameter("bias", new Shape(options.Out), options.BiasInit ?? new FanInUniform(), Fan.Of(_weight.Shape));
        return new Shape(options.Out, Size(input[1]), Size(input[2]), Size(input[3]));
    }

    public override long MultiplyAdds(Shape input, Shape output) => (long)output.Length * (_weight.Shape.Length / options.Out);

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (channels, depth, plane, taps, outDepth) = (x.Shape[0], x.Shape[1], x.Shape[2] * x.Shape[3], options.Kernel, Size(x.Shape[1]));
        // [depth of the output, channel, tap] planes; those past an end are zeros.
        var sliced = new Shape(outDepth, channels * taps, x.Shape[2], x.Shape[3]);
        var entries = new List<(int, int, float)>();
        for (var i = 0; i < sliced.Length; i++)
        {
            var (z, c, tap) = (i / plane / taps / channels, i / plane / taps % channels, i / plane % taps);
            var from = z * options.Stride + tap * options.Dilation - options.Padding;
            if ((uint)from < (uint)depth) entries.Add((i, (c * depth + from) * plane + i % plane, 1f));
        }
        var slices = tape.Add(new Rearranged(tape, x, new SparseMatrix(sliced.Length, x.Shape.Length, entries), sliced));
        var y = tape.Add(new Slices(tape, slices, _weight, _bias, new Conv2dShape(channels * taps, x.Shape[2], x.Shape[3], options.Out, taps, taps, options.Stride, options.Stride, options.Padding, options.Padding, options.Dilation, options.Dilation, options.Groups)));
        var (outputs, outPlane) = (options.Out, y.Shape[2] * y.Shape[3]);
        return Rearranged.Selection(tape, y, new Shape(outputs, outDepth, y.Shape[2], y.Shape[3]), i => (i / outPlane % outDepth * outputs + i / outPlane / outDepth) * outPlane + i % outPlane);
    }

    private int Size(int input) => (input + 2 * options.Padding - options.Dilation * (options.Kernel - 1) - 1) / options.Stride + 1;

    // Every output depth of every sample is one sample of the convolution.
    private sealed class Slices(Tape tape, Tensor x, Parameter weight, Parameter? bias, Conv2dShape shape)
        : Node(tape, [x], new Shape(x.Shape[0], shape.Outputs, shape.OutY, shape.OutX), weight, bias)
    {
        private readonly IConv2d _conv = tape.Device.Op<IConv2d>();
        private readonly int _depth = x.Shape[0];
        private readonly ConditionalSegments _segments = new();

        public override void Forward(Frame frame) => _conv.Forward(shape, frame.Samples * _depth, frame.Input(), frame.Weights(weight), frame.Weights(bias), frame.Output, Epilogue.None);

        public override void Backward(Frame frame)
        {
            _conv.BackwardWeights(shape, _segments.Times(frame.Segments, _depth), frame.Input(), frame.OutputGradient, frame.Gradient(weight), frame.Gradient(bias));
            if (frame.InputGradient() is { IsNone: false } dx) _conv.BackwardInput(shape, frame.Samples * _depth, frame.OutputGradient, frame.Weights(weight), dx);
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
