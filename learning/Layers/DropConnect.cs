using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>A dense layer whose weights are dropped: y = x·(m∘w)ᵀ / (1 - p) + b, m ~ Bernoulli(1 - p) drawn anew at each step, one for all its samples (the paper draws one for each); in evaluation y = x·wᵀ + b, the mean.  x [..., I]  w [O, I]  y [..., O].  dw = m∘(dyᵀ·x) / (1 - p).  Wan et al. 2013, proceedings.mlr.press/v28/wan13.</summary>
/// <remarks>One mask serves all samples of a step (the paper draws one for each example): the layer stays one product, and the mask follows from (seed, step, layer path) on any worker.</remarks>
[Named("dropConnect")]
public sealed class DropConnect(DropConnect.Options options) : Layer
{
    /// <param name="Out">Outputs, O.</param>
    /// <param name="P">Probability of dropping a weight.</param>
    public sealed record Options([property: Range(1, 1 << 24)] int Out, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float P = 0.5f)
    {
        /// <summary>Whether b is there; biases are not dropped.</summary>
        public bool Bias { get; init; } = true;

        /// <summary>First weights.</summary>
        public Initializer? WeightInit { get; init; }

        /// <summary>First biases.</summary>
        public Initializer? BiasInit { get; init; }
    }

    private readonly Linear _linear = new(new(options.Out, options.Bias) { WeightInit = options.WeightInit, BiasInit = options.BiasInit });
    private string _path = "";

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _path = build.Path;
        return _linear.Build(build, input);
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => _linear.ToOnnx(graph, x, input);

    public override Tensor Forward(Tape tape, Tensor x) => tape.IsTraining && options.P > 0 ? tape.Add(new Thinned(tape, x, _linear.Weight, _linear.BiasParameter, options.P, _path)) : _linear.Forward(tape, x);

    private sealed class Thinned : Node
    {
        private readonly ILinear _linear;
        private readonly IMask _mask;
        private readonly IVector _vector;
        private readonly Parameter _weight;
        private readonly Parameter? _bias;
        private readonly float _probability;
        private readonly float _scale;
        private readonly ulong _path;
        private readonly uint _use;
        private readonly Saved _thinned;
        private readonly Saved _zero;
        private readonly int _rowsPerSample;
        private readonly int _inputs;
        private readonly int _outputs;

        public Thinned(Tape tape, Tensor x, Parameter weight, Parameter? bias, float probability, string path) : base(tape, [x], new Shape([.. x.Shape.Axes[..^1], weight.Shape[0]]), weight, bias)
        {
            (_linear, _mask, _vector) = (tape.Device.Op<ILinear>(), tape.Device.Op<IMask>(), tape.Device.Op<IVector>());
            (_weight, _bias, _probability, _scale) = (weight, bias, probability, 1f / (1f - probability));
            (_path, _use) = (RandomKey.HashPath(path), (uint)tape.NextUse(path));
            (_rowsPerSample, _inputs, _outputs) = (x.Shape.Length / x.Shape[-1], x.Shape[-1], weight.Shape[0]);
            (_thinned, _zero) = (ScratchOnce(weight.Shape.Length), ScratchOnce(1));
        }

        public override long MultiplyAdds => (long)_rowsPerSample * _inputs * _outputs;

        public override void Forward(Frame frame) =>
            _linear.Forward(frame.Samples * _rowsPerSample, _inputs, _outputs, frame.Input(), Drop(frame, frame.Weights(_weight), frame.Memory(_thinned), _scale), frame.Weights(_bias), frame.Output, Epilogue.None);

        public override void Backward(Frame frame)
        {
            var (dy, dx, rows) = (frame.OutputGradient, frame.InputGradient(), frame.Samples * _rowsPerSample);
            if (!dx.IsNone) _linear.BackwardInput(rows, _inputs, _outputs, dy, Drop(frame, frame.Weights(_weight), frame.Memory(_thinned), _scale), dx);
            // The bias takes dy, the weights dy / (1 - p). The factor goes in before the sum over samples: after it, it would round differently for each lease.
            if (_bias is not null) _linear.BackwardWeights(frame.Segments, _rowsPerSample, _inputs, _outputs, frame.Input(), dy, frame.Memory(_thinned), frame.Gradient(_bias));
            _vector.AddScaled(_scale - 1f, dy, dy);
            var gradient = frame.Gradient(_weight);
            _linear.BackwardWeights(frame.Segments, _rowsPerSample, _inputs, _outputs, frame.Input(), dy, gradient, View.None);
            Drop(frame, gradient, gradient, 1f);
        }

        // All weights are one row, counted by 0: the mask is the step's, whoever draws it.
        private View Drop(Frame frame, View from, View to, float scale)
        {
            var zero = frame.Memory(_zero);
            _vector.Fill(zero, 0f); // the bits of the whole number 0 too
            _mask.Apply(RandomKey.Of(frame.Seed, (ulong)frame.Step, _path, _use), _probability, scale, from.Length, zero, from, to);
            return to;
        }
    }
}
