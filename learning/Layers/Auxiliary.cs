using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x, and beside it a head with outputs of its own whose cross entropy with the labels counts <c>weight</c> times in training: gradients reach early layers on a short way. Absent in evaluation and prediction.  Szegedy et al. 2014, arXiv:1409.4842. The reported loss and accuracy are the main output's.</summary>
/// <remarks>For labels and the loss crossEntropy without class weights.</remarks>
[Named("auxiliary")]
public sealed class Auxiliary(Auxiliary.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Layers of the head, named 0, 1, ..., the last with one output for each class; none: no head.</summary>
        public IReadOnlyList<Layer> Head { get; init; } = [];

        /// <summary>What its loss counts beside the main one.</summary>
        [Range(0.0, 1e6)] public float Weight { get; init; } = 0.3f;
    }

    private readonly Sequential _head = new([.. options.Head]);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (options.Head.Count > 0) _head.Build(build, input);
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => x;

    public override Tensor Forward(Tape tape, Tensor x)
    {
        if (!tape.IsTraining || options.Head.Count == 0 || options.Weight == 0) return x;
        var outputs = tape.Add(new Weighed(tape, _head.Forward(tape, x), options.Weight));
        tape.Add(new Aside(tape, outputs));
        return x;
    }

    // y = x;  dx = weight·dy.
    private sealed class Weighed(Tape tape, Tensor x, float weight) : Node(tape, [x], x.Shape)
    {
        private readonly IVector _vector = tape.Device.Op<IVector>();

        public override bool ReadsInputs => false;

        public override bool InPlace => true;

        public override void Forward(Frame frame)
        {
            if (frame.Input() != frame.Output) _vector.Copy(frame.Input(), frame.Output);
        }

        public override void Backward(Frame frame)
        {
            if (frame.InputGradient() != frame.OutputGradient) _vector.Copy(frame.OutputGradient, frame.InputGradient());
            _vector.AddScaled(weight - 1f, frame.InputGradient(), frame.InputGradient());
        }
    }

    // The loss's own node, its figures kept from the step's.
    private sealed class Aside : LossNode
    {
        private readonly ISoftmaxCrossEntropy _loss;
        private readonly IVector _vector;
        private readonly Saved _figures;
        private readonly int _rows;
        private readonly int _classes;

        public Aside(Tape tape, Tensor outputs) : base(tape, outputs)
        {
            var target = tape.TargetShape ?? throw new InvalidOperationException("an auxiliary head was recorded without targets.");
            if (outputs.Shape.Length % target.Length != 0 || outputs.Shape.Length / target.Length < 2)
                throw new ShapeException($"an auxiliary head gives {outputs.Shape} for each sample and the data's targets are {target}. Its last layer must have one output for each class.");
            (_loss, _vector, _rows, _classes) = (tape.Device.Op<ISoftmaxCrossEntropy>(), tape.Device.Op<IVector>(), target.Length, outputs.Shape.Length / target.Length);
            _figures = ScratchOnce(ParameterLayout.MetricsLength);
        }

        public override void Forward(Frame frame)
        {
            _vector.Fill(frame.Memory(_figures), 0f);
            _loss.Forward(frame.Segments, _rows, _classes, frame.Input(), frame.Target, frame.LossScale(_rows), 0f, frame.InputGradient(), frame.Memory(_figures));
        }
    }
}
