using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x, and beside it a head with outputs of its own whose loss (the main one, with all its options) counts <c>weight</c> times in training: gradients reach early layers on a short way. Absent in evaluation and prediction.  Szegedy et al. 2014, arXiv:1409.4842. The reported loss and accuracy are the main output's.</summary>
/// <remarks>For losses that can be taken of the head too: all but rmse. Weights of targets (classWeights, ignoreIndex) divide both.</remarks>
[Named("auxiliary")]
public sealed class Auxiliary(Auxiliary.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Layers of the head, named 0, 1, ..., the last with as many outputs as the model; none: no head.</summary>
        public IReadOnlyList<Layer> Head { get; init; } = [];

        /// <summary>What its loss counts beside the main one.</summary>
        [Range(0.0, 1e6)] public float Weight { get; init; } = 0.3f;
    }

    private readonly Sequential _head = new([.. options.Head]);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (options.Head.Count > 0) build.Head(_head.Build(build, input));
        return input;
    }

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => x;

    public override Tensor Forward(Tape tape, Tensor x)
    {
        if (!tape.IsTraining || tape.Objective is not { } objective || options.Head.Count == 0 || options.Weight == 0) return x;
        tape.Add(objective.Loss.Record(tape, tape.Add(new Weighed(tape, _head.Forward(tape, x), options.Weight)), objective.Targets).Aside());
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
}
