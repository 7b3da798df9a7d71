using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y_k = eˣᵏ / Σ eˣ over the last axis of [..., K];  dx = y·(dy - Σ dy·y).  Bridle 1990.  The loss crossEntropy holds its own: put none before it.</summary>
[Named("softmax")]
public sealed class Softmax : Layer
{
    public override Shape Build(LayerBuilder build, Shape input) => input.Rank > 0 ? input : throw build.Misfit(input, "[..., classes]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Add("Softmax", [x], ("axis", (long)input.Rank));

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Rows(tape, x, logarithm: false));

    internal sealed class Rows(Tape tape, Tensor x, bool logarithm) : Node(tape, [x], x.Shape)
    {
        private readonly ISoftmax _softmax = tape.Device.Op<ISoftmax>();
        private readonly int _width = x.Shape[-1];
        private readonly int _rows = x.Shape.Length / x.Shape[-1];

        public override NodeField FieldOf(int input) => NodeField.Rows(x.Shape);

        public override bool ReadsInputs => false;

        public override bool ReadsOutput => true;

        public override void Forward(Frame frame) => _softmax.Forward(frame.Samples * _rows, _width, logarithm, frame.Input(), frame.Output);

        public override void Backward(Frame frame) => _softmax.Backward(frame.Samples * _rows, _width, logarithm, frame.Output, frame.OutputGradient, frame.InputGradient());
    }
}
