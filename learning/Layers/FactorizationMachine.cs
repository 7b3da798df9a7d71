using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// y = b + w·x + Σ_{i &lt; j} ⟨v_i, v_j⟩·x_i·x_j = b + w·x + ½·Σ_f ((Σ_i v_fi·x_i)² - Σ_i v_fi²·x_i²): every pair of features weighs as their factors agree, in time linear in the features.
/// x [..., I] as one axis  linear.weight [O, I]  factors [O·F, I]  y [O].  Rendle 2010, doi:10.1109/ICDM.2010.127.
/// </summary>
[Named("factorizationMachine")]
public sealed class FactorizationMachine(FactorizationMachine.Options options) : Layer
{
    /// <param name="Out">Outputs, O.</param>
    /// <param name="Factors">F, of each feature.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Out = 1, [property: Range(1, 1 << 12)] int Factors = 8)
    {
        /// <summary>First factors; not given: normal with deviation 0.01.</summary>
        public Initializer? FactorInit { get; init; }
    }

    private readonly Linear _linear = new(new(options.Out));
    private Linear _projection = null!;
    private Parameter _factors = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Length == 0) throw build.Misfit(input, "[features]");
        var features = new Shape(input.Length);
        build.Child("linear", _linear, features);
        _factors = build.Parameter("factors", new Shape(options.Out * options.Factors, input.Length), options.FactorInit ?? new Normal(new(0.01f)));
        _projection = new Linear(new(options.Out * options.Factors, Bias: false) { Shared = () => _factors });
        _projection.Build(build, features);
        return new Shape(options.Out);
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        x = x.Reshape(new Shape(x.Shape.Length));
        var (outputs, factors) = (options.Out, options.Factors);
        var ofSum = new Squared().Forward(tape, _projection.Forward(tape, x));
        var ofSquares = tape.Add(new Squares(tape, new Squared().Forward(tape, x), _factors));
        // ½ of the first half of each output's factors, less ½ of the second's.
        var entries = new List<(int, int, float)>();
        for (var o = 0; o < outputs; o++)
            for (var half = 0; half < 2; half++)
                for (var f = 0; f < factors; f++) entries.Add((o, (half * outputs + o) * factors + f, half == 0 ? 0.5f : -0.5f));
        var both = tape.Add(new Joined(tape, [ofSum, ofSquares]));
        var pairs = tape.Add(new Rearranged(tape, both, new SparseMatrix(outputs, both.Shape.Length, entries), new Shape(outputs)));
        return tape.Add(new Combine<Kernels.Functions.Sum>(tape, _linear.Forward(tape, x), pairs, readsInputs: false, readsOutput: false));
    }

    private sealed class Squared() : Activation<Kernels.Functions.Square>(default, DerivativeReads.X);

    // y = z·(v∘v)ᵀ;  dv = 2v∘(dyᵀ·z). The factors are used by the projection too, so this node runs one micro-batch at a time, and the product by 2v comes before their sum.
    private sealed class Squares : Node
    {
        private readonly ILinear _linear;
        private readonly IElementwise<Kernels.Functions.Square> _square;
        private readonly Parameter _factors;
        private readonly Saved _squares;
        private readonly Saved _product;

        public Squares(Tape tape, Tensor z, Parameter factors) : base(tape, [z], new Shape(factors.Shape[0]), factors)
        {
            (_linear, _square, _factors) = (tape.Device.Op<ILinear>(), tape.Device.Op<IElementwise<Kernels.Functions.Square>>(), factors);
            (_squares, _product) = (ScratchOnce(factors.Shape.Length), ScratchOnce(factors.Shape.Length));
        }

        public override NodeField FieldOf(int input) => NodeField.Whole;

        public override long MultiplyAdds => _factors.Shape.Length;

        public override void Forward(Frame frame) => _linear.Forward(frame.Samples, Inputs, Outputs, frame.Input(), Squared(frame), View.None, frame.Output, Epilogue.None);

        public override void Backward(Frame frame)
        {
            if (frame.InputGradient() is { IsNone: false } dz) _linear.BackwardInput(frame.Samples, Inputs, Outputs, frame.OutputGradient, Squared(frame), dz);
            _linear.BackwardWeights(frame.Segments, 1, Inputs, Outputs, frame.Input(), frame.OutputGradient, frame.Memory(_product), View.None);
            _square.Backward(default, frame.Weights(_factors), frame.Weights(_factors), frame.Memory(_product), frame.Gradient(_factors));
        }

        private int Inputs => _factors.Shape[1];

        private int Outputs => _factors.Shape[0];

        private View Squared(Frame frame)
        {
            var squares = frame.Memory(_squares);
            _square.Forward(default, frame.Weights(_factors), squares);
            return squares;
        }
    }
}
