using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = (x - mean_c) / √(var_c + epsilon)·weight_c + bias_c for each channel c, the first axis of [C] or [C, ...]; mean and biased variance over the micro-batch and all positions, running ones in evaluation and where it is frozen: there dx = dy·weight_c / √(var_c + epsilon).  Ioffe, Szegedy 2015, arXiv:1502.03167.</summary>
/// <remarks>Running statistics are a moments slice: the step's (count, mean, M2) travel with the gradient and move them once at commit. A rule that freezes the layer's parameters by its name (0.*) freezes its statistics too.</remarks>
[Named("batchNorm")]
public sealed class BatchNorm(BatchNorm.Options options) : Layer
{
    /// <param name="Epsilon">Added to the variance.</param>
    /// <param name="Momentum">What a step's statistics weigh in the running ones: r &lt;- (1 - momentum)·r + momentum·new; 0: they stay.</param>
    /// <param name="Affine">Whether weight and bias are there.</param>
    /// <param name="Frozen">Training normalizes by the running statistics too and leaves them alone: for fine-tuning on small batches. Weight and bias still learn.</param>
    public sealed record Options(
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] float Epsilon = 1e-5f,
        [property: Range(0.0, 1.0)] float Momentum = MomentsUpdate.Momentum,
        bool Affine = true,
        bool Frozen = false);

    private Parameter? _weight;
    private Parameter? _bias;
    private Parameter _running = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank < 1) throw build.Misfit(input, "[channels] or [channels, ...]");
        if (options.Affine)
        {
            _weight = build.Parameter("weight", new Shape(input[0]), new Constant(new(1f)));
            _bias = build.Parameter("bias", new Shape(input[0]), new Constant(new(0f)));
        }
        _running = build.Moments("running", input[0], options.Momentum, options.Frozen);
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        string Ones() => graph.Constant($"ones_{input[0]}", [input[0]], [.. Enumerable.Repeat(1f, input[0])]);
        string Zeros() => graph.Constant($"zeros_{input[0]}", [input[0]], new float[input[0]]);
        return graph.Add("BatchNormalization", [x, _weight is null ? Ones() : graph.Weights(_weight), _bias is null ? Zeros() : graph.Weights(_bias), graph.Moments(_running, 1), graph.Moments(_running, 2)], ("epsilon", options.Epsilon));
    }

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(tape.IsTraining && !_running.IsFrozen
        ? new ByBatch(tape, this, x)
        : new ByRunning(tape, this, x));

    private float Epsilon => options.Epsilon;

    /// <summary>What both forms share: weight and bias, or ones and zeros in their place.</summary>
    private abstract class Normalized : Node
    {
        private readonly BatchNorm _layer;
        private readonly Saved? _ones;
        private readonly Saved? _zeros;

        protected Normalized(Tape tape, BatchNorm layer, Tensor x) : base(tape, [x], x.Shape, layer._weight, layer._bias, layer._running)
        {
            (_layer, Norm, Vector) = (layer, tape.Device.Op<IBatchNorm>(), tape.Device.Op<IVector>());
            (Channels, Positions) = (x.Shape[0], x.Shape.Length / x.Shape[0]);
            if (layer._weight is null) (_ones, _zeros) = (ScratchOnce(Channels), ScratchOnce(Channels));
        }

        protected IBatchNorm Norm { get; }

        protected IVector Vector { get; }

        protected int Channels { get; }

        protected int Positions { get; }

        protected View Weight(Frame frame) => _ones is { } ones ? Filled(frame, ones, 1f) : frame.Weights(_layer._weight);

        protected View Bias(Frame frame) => _zeros is { } zeros ? Filled(frame, zeros, 0f) : frame.Weights(_layer._bias);

        // Without weight and bias what stands in for them takes the gradients that nobody wants.
        protected View WeightGradient(Frame frame) => _zeros is { } unused ? frame.Memory(unused) : frame.Gradient(_layer._weight);

        protected View BiasGradient(Frame frame, View unused) => _zeros is null ? frame.Gradient(_layer._bias) : unused;

        protected View Filled(Frame frame, Saved memory, float value)
        {
            Vector.Fill(frame.Memory(memory), value);
            return frame.Memory(memory);
        }
    }

    private sealed class ByBatch : Normalized
    {
        private readonly BatchNorm _layer;
        private readonly Saved _mean;
        private readonly Saved _inverseStd;
        private readonly Saved _unused;

        public ByBatch(Tape tape, BatchNorm layer, Tensor x) : base(tape, layer, x) =>
            (_layer, _mean, _inverseStd, _unused) = (layer, SavePerSegment(x.Shape[0]), SavePerSegment(x.Shape[0]), ScratchOnce(layer._weight is null ? x.Shape[0] : 0));

        public override void Forward(Frame frame) => Norm.Forward(frame.Segments, Channels, Positions, _layer.Epsilon, frame.Input(),
            Weight(frame), Bias(frame), frame.Output, frame.Memory(_mean), frame.Memory(_inverseStd), frame.Gradient(_layer._running));

        public override void Backward(Frame frame)
        {
            // Without parameters before it, nobody wants dx; the op writes one all the same, over dy.
            var dx = frame.InputGradient() is { IsNone: false } wanted ? wanted : frame.OutputGradient;
            Norm.Backward(frame.Segments, Channels, Positions, frame.Input(), Weight(frame), frame.Memory(_mean), frame.Memory(_inverseStd),
                frame.OutputGradient, dx, WeightGradient(frame), BiasGradient(frame, frame.Memory(_unused)));
        }
    }

    private sealed class ByRunning : Normalized
    {
        private readonly BatchNorm _layer;
        private readonly ISparseProduct _select;
        private readonly SparseMatrix _means;
        private readonly SparseMatrix _variances;
        private readonly Saved _one;
        private readonly Saved _zero;
        private readonly Saved _centred;
        private readonly Saved _mean;
        private readonly Saved _inverseStd;

        public ByRunning(Tape tape, BatchNorm layer, Tensor x) : base(tape, layer, x)
        {
            (_layer, _select) = (layer, tape.Device.Op<ISparseProduct>());
            // From triples (updates, mean, variance): the means, and triples whose mean is 0.
            _means = SparseMatrix.Selection(3 * Channels, Enumerable.Range(0, Channels).Select(c => 3 * c + 1));
            _variances = new SparseMatrix(3 * Channels, 3 * Channels, [.. Enumerable.Range(0, Channels).Select(c => (3 * c + 2, 3 * c + 2, 1f))]);
            var backward = tape.Differentiates;
            (_one, _zero, _centred) = (ScratchOnce(backward ? Channels : 0), ScratchOnce(backward ? Channels : 0), ScratchOnce(backward ? 3 * Channels : 0));
            (_mean, _inverseStd) = (SavePerSegment(backward ? Channels : 0), SavePerSegment(backward ? Channels : 0));
        }

        public override void Forward(Frame frame) => Norm.ForwardEvaluation(frame.Samples, Channels, Positions, _layer.Epsilon,
            frame.Input(), Weight(frame), Bias(frame), frame.Weights(_layer._running), frame.Output);

        public override void Backward(Frame frame)
        {
            var (dy, running, centred) = (frame.OutputGradient, frame.Weights(_layer._running), frame.Memory(_centred));
            Vector.Fill(frame.Gradient(_layer._running), 0f); // no values were counted: the statistics stay
            _select.Multiply(_variances, 1, running, centred);
            var (wanted, one, zero) = (frame.InputGradient(), Filled(frame, _one, 1f), Filled(frame, _zero, 0f));
            if (_layer._weight is not null)
            {
                var (mean, inverse) = (frame.Memory(_mean), frame.Memory(_inverseStd));
                for (var s = 0; s < frame.Segments.Count; s++)
                {
                    _select.Multiply(_means, 1, running, mean.Part(s * Channels, Channels));
                    Norm.ForwardEvaluation(1, Channels, 1, _layer.Epsilon, one, one, zero, centred, inverse.Part(s * Channels, Channels)); // (1 - 0) / √(var + epsilon)
                }
                // Its dx is the one of batch statistics, and is written over below.
                Norm.Backward(frame.Segments, Channels, Positions, frame.Input(), Weight(frame), mean, inverse, dy, wanted.IsNone ? dy : wanted, WeightGradient(frame), BiasGradient(frame, default));
            }
            if (!wanted.IsNone) Norm.ForwardEvaluation(frame.Samples, Channels, Positions, _layer.Epsilon, dy, Weight(frame), zero, centred, wanted);
        }
    }
}
