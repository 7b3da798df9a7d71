using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x looked up bilinearly at theta·(u, v, 1), theta [2, 3] = six outputs of a localization network on x; first it is the identity.  x [C, H, W]  y [C, OY, OX].  Jaderberg et al. 2015, arXiv:1506.02025.</summary>
[Named("spatialTransformer")]
public sealed class SpatialTransformer(SpatialTransformer.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Layers before the six outputs, named localization.0, ...; none: the input's elements.</summary>
        public IReadOnlyList<Layer> Localization { get; init; } = [];

        /// <summary>Height and width of the output; not given: the input's.</summary>
        [Range(1, 4096)] public Pair? Out { get; init; }
    }

    private readonly Sequential _localization = new([.. options.Localization]);
    private readonly Linear _theta = new(new(6) { WeightInit = new Constant(new(0f)), BiasInit = new Identity() });

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 3 || input.Length == 0) throw build.Misfit(input, "[channels, height, width]");
        build.Child("theta", _theta, new Shape(build.Child("localization", _localization, input).Length));
        var shape = ShapeFor(input);
        return new Shape(shape.Channels, shape.OutY, shape.OutX);
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var found = _localization.Forward(tape, x);
        return tape.Add(new Lookup(tape, _theta.Forward(tape, found.Reshape(new Shape(found.Shape.Length))), x, ShapeFor(x.Shape)));
    }

    private AffineSampleShape ShapeFor(Shape x) => new(x[0], x[1], x[2], options.Out?.Y ?? x[1], options.Out?.X ?? x[2]);

    private sealed class Identity : Initializer
    {
        public override void Fill(Span<float> values, Fan fan, ulong key)
        {
            values.Clear();
            values[0] = values[4] = 1f;
        }
    }

    internal sealed class Lookup : Node
    {
        private readonly IAffineSample _sample;
        private readonly AffineSampleShape _shape;
        private readonly Saved? _unwanted;

        public Lookup(Tape tape, Tensor theta, Tensor x, AffineSampleShape shape) : base(tape, [theta, x], new Shape(shape.Channels, shape.OutY, shape.OutX))
        {
            (_sample, _shape) = (tape.Device.Op<IAffineSample>(), shape);
            if (!theta.NeedsGradient) _unwanted = Scratch(6); // the op always writes dTheta
        }

        public override NodeField? FieldOf(int input) => null;

        public override void Forward(Frame frame) => _sample.Forward(_shape, frame.Samples, frame.Input(0), frame.Input(1), frame.Output);

        public override void Backward(Frame frame) => _sample.Backward(_shape, frame.Samples, frame.Input(0), frame.Input(1), frame.OutputGradient,
            _unwanted is { } scratch ? frame.Memory(scratch) : frame.InputGradient(0), frame.InputGradient(1));
    }
}
