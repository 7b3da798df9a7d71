using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>In training y = x / (1 - p) with probability 1 - p, else 0; in evaluation y = x. Scaled at test: x or 0 in training, (1 - p)·x in evaluation.  dx = dy under the same mask.  Srivastava et al. 2014, whose own form is the second.</summary>
/// <remarks>The mask follows from (seed, step, layer path, use, sample, element) alone: it is drawn again backward, on any worker, in any lease.</remarks>
[Named("dropout")]
public sealed class Dropout(Dropout.Options options) : Layer
{
    /// <param name="P">Probability of dropping an element.</param>
    /// <param name="ScaleAtTest">Scales in evaluation, not in training.</param>
    public sealed record Options([property: Range(0.0, 1.0, MaximumIsExclusive = true)] float P = 0.5f, bool ScaleAtTest = false);

    private string _path = "";

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _path = build.Path;
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) =>
        options.ScaleAtTest && options.P > 0 ? graph.Add("Mul", [x, graph.Constant($"{_path}.kept", [1], [1 - options.P])]) : x;

    public override Tensor Forward(Tape tape, Tensor x) => options.P == 0 ? x
        : tape.IsTraining ? tape.Add(options.ScaleAtTest ? new Unscaled(tape, x, options.P, _path) : new Mask(tape, x, options.P, _path))
        : options.ScaleAtTest ? tape.Add(new Weakened(tape, x, options.P)) : x;

    private sealed class Mask(Tape tape, Tensor x, float probability, string path) : Node(tape, [x], x.Shape)
    {
        private readonly IDropout _dropout = tape.Device.Op<IDropout>();
        private readonly ulong _path = RandomKey.HashPath(path);
        private readonly uint _use = (uint)tape.NextUse(path);
        private readonly int _elements = x.Shape.Length;

        public override bool ReadsInputs => false;

        public override bool InPlace => true;

        public override void Forward(Frame frame) => _dropout.Apply(Key(frame), probability, _elements, frame.SampleIndexes, frame.Input(), frame.Output);

        public override void Backward(Frame frame) => _dropout.Apply(Key(frame), probability, _elements, frame.SampleIndexes, frame.OutputGradient, frame.InputGradient());

        private ulong Key(Frame frame) => RandomKey.Of(frame.Seed, (ulong)frame.Step, _path, _use);
    }

    private sealed class Unscaled(Tape tape, Tensor x, float probability, string path) : Node(tape, [x], x.Shape)
    {
        private readonly IMask _mask = tape.Device.Op<IMask>();
        private readonly ulong _path = RandomKey.HashPath(path);
        private readonly uint _use = (uint)tape.NextUse(path);
        private readonly int _elements = x.Shape.Length;

        public override bool ReadsInputs => false;

        public override bool InPlace => true;

        public override void Forward(Frame frame) => Apply(frame, frame.Input(), frame.Output);

        public override void Backward(Frame frame) => Apply(frame, frame.OutputGradient, frame.InputGradient());

        private void Apply(Frame frame, View from, View to) =>
            _mask.Apply(RandomKey.Of(frame.Seed, (ulong)frame.Step, _path, _use), probability, 1f, _elements, frame.SampleIndexes, from, to);
    }

    // y = x - p·x
    private sealed class Weakened(Tape tape, Tensor x, float probability) : Node(tape, [x], x.Shape)
    {
        private readonly IVector _vector = tape.Device.Op<IVector>();

        public override bool InPlace => true;

        public override void Forward(Frame frame)
        {
            if (frame.Input() != frame.Output) _vector.Copy(frame.Input(), frame.Output);
            _vector.AddScaled(-probability, frame.Output, frame.Output);
        }

        public override void Backward(Frame frame) => throw new InvalidOperationException("dropout is not differentiated in evaluation.");
    }
}
