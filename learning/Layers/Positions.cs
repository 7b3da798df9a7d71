using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x + weight: learned positions, one for each element of a sample.  x, weight, y [T, D].  d weight = Σ dy over samples.  Gehring et al. 2017, arXiv:1705.03122.</summary>
[Named("positions")]
public sealed class Positions(Positions.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>First weights; not given: normal with deviation 0.02.</summary>
        public Initializer? Init { get; init; }
    }

    private Parameter _weight = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _weight = build.Parameter("weight", input, options.Init ?? new Normal(new(0.02f)));
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Add", [x, graph.Weights(_weight)]);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Shift(tape, x, _weight));

    private sealed class Shift : Node
    {
        private readonly IVector _vector;
        private readonly IMatMul _product;
        private readonly IBinary<Kernels.Functions.Sum> _sum;
        private readonly Parameter _weight;
        private readonly Saved _ones;
        private readonly int _elements;

        public Shift(Tape tape, Tensor x, Parameter weight) : base(tape, [x], x.Shape, weight)
        {
            (_vector, _product, _sum, _weight, _elements) = (tape.Device.Op<IVector>(), tape.Device.Op<IMatMul>(), tape.Device.Op<IBinary<Kernels.Functions.Sum>>(), weight, x.Shape.Length);
            _ones = Scratch(1);
        }

        public override bool ReadsInputs => false;

        public override bool InPlace => true;

        public override void Forward(Frame frame)
        {
            for (var n = 0; n < frame.Samples; n++)
                _sum.Forward(default, frame.Input().Part(n * _elements, _elements), frame.Weights(_weight), frame.Output.Part(n * _elements, _elements));
        }

        public override void Backward(Frame frame)
        {
            // A row of ones times dy: each element's sum over samples, by chunk, segment and tree.
            _vector.Fill(frame.Memory(_ones), 1f);
            _product.MultiplySegments(frame.Segments, 1, 1, _elements, frame.Memory(_ones), frame.OutputGradient, frame.Gradient(_weight));
            if (frame.InputGradient() is { IsNone: false } dx && dx != frame.OutputGradient) _vector.Copy(frame.OutputGradient, dx);
        }
    }
}
