using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>In training y = x / (1 - p) with probability 1 - p, else 0; in evaluation y = x.  dx = dy under the same mask.  Srivastava et al. 2014.</summary>
/// <remarks>The mask follows from (seed, step, layer path, use, sample, element) alone: it is drawn again backward, on any worker, in any lease.</remarks>
[Named("dropout")]
public sealed class Dropout(Dropout.Options options) : Layer
{
    /// <param name="P">Probability of dropping an element.</param>
    public sealed record Options([property: Range(0.0, 1.0, MaximumIsExclusive = true)] float P = 0.5f);

    private string _path = "";

    public override Shape Build(LayerBuilder build, Shape input)
    {
        _path = build.Path;
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => x;

    public override Tensor Forward(Tape tape, Tensor x) => tape.IsTraining && options.P > 0 ? tape.Add(new Mask(tape, x, options.P, _path)) : x;

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
}
