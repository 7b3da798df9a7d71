using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = (x - mean_c) / √(var_c + epsilon)·weight_c + bias_c for each channel c, the first axis of [C] or [C, ...]; mean and biased variance over the micro-batch and all positions, running ones in evaluation.  Ioffe, Szegedy 2015, arXiv:1502.03167.</summary>
/// <remarks>Running statistics are a moments slice: the step's (count, mean, M2) travel with the gradient and move them once at commit.</remarks>
[Named("batchNorm")]
public sealed class BatchNorm(BatchNorm.Options options) : Layer
{
    /// <param name="Epsilon">Added to the variance.</param>
    public sealed record Options([property: Range(0.0, 1.0, MinimumIsExclusive = true)] float Epsilon = 1e-5f);

    private Parameter _weight = null!;
    private Parameter _bias = null!;
    private Parameter _running = null!;

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank < 1) throw build.Misfit(input, "[channels] or [channels, ...]");
        _weight = build.Parameter("weight", new Shape(input[0]), new Constant(new(1f)));
        _bias = build.Parameter("bias", new Shape(input[0]), new Constant(new(0f)));
        _running = build.Moments("running", input[0]);
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) =>
        graph.Add("BatchNormalization", [x, graph.Weights(_weight), graph.Weights(_bias), graph.Moments(_running, 1), graph.Moments(_running, 2)], ("epsilon", options.Epsilon));

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(tape.IsTraining
        ? new ByBatch(tape, this, x)
        : new ByRunning(tape, this, x));

    private sealed class ByBatch : Node
    {
        private readonly IBatchNorm _norm;
        private readonly BatchNorm _layer;
        private readonly Saved _mean;
        private readonly Saved _inverseStd;
        private readonly float _epsilon;
        private readonly int _channels;
        private readonly int _positions;

        public ByBatch(Tape tape, BatchNorm layer, Tensor x) : base(tape, [x], x.Shape, layer._weight, layer._bias, layer._running)
        {
            (_norm, _layer, _epsilon) = (tape.Device.Op<IBatchNorm>(), layer, layer.Epsilon);
            (_channels, _positions) = (x.Shape[0], x.Shape.Length / x.Shape[0]);
            (_mean, _inverseStd) = (SavePerSegment(_channels), SavePerSegment(_channels));
        }

        public override void Forward(Frame frame) => _norm.Forward(frame.Segments, _channels, _positions, _epsilon, frame.Input(),
            frame.Weights(_layer._weight), frame.Weights(_layer._bias), frame.Output, frame.Memory(_mean), frame.Memory(_inverseStd), frame.Gradient(_layer._running));

        public override void Backward(Frame frame)
        {
            // Without parameters before it, nobody wants dx; the op writes one all the same, over dy.
            var dx = frame.InputGradient() is { IsNone: false } wanted ? wanted : frame.OutputGradient;
            _norm.Backward(frame.Segments, _channels, _positions, frame.Input(), frame.Weights(_layer._weight), frame.Memory(_mean), frame.Memory(_inverseStd),
                frame.OutputGradient, dx, frame.Gradient(_layer._weight), frame.Gradient(_layer._bias));
        }
    }

    private sealed class ByRunning(Tape tape, BatchNorm layer, Tensor x) : Node(tape, [x], x.Shape, layer._weight, layer._bias, layer._running)
    {
        private readonly IBatchNorm _norm = tape.Device.Op<IBatchNorm>();

        public override void Forward(Frame frame) => _norm.ForwardEvaluation(frame.Samples, x.Shape[0], x.Shape.Length / x.Shape[0], layer.Epsilon,
            frame.Input(), frame.Weights(layer._weight), frame.Weights(layer._bias), frame.Weights(layer._running), frame.Output);

        public override void Backward(Frame frame) => throw new InvalidOperationException("batch normalization with running statistics is not differentiated; training uses the batch's.");
    }

    private float Epsilon => options.Epsilon;
}
