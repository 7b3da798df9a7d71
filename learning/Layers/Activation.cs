using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = F(x), element by element; dx = dy·F'(x).  The shape stays. A function is written once over lanes; it runs as one vector loop.</summary>
public abstract class Activation<TFunction>(TFunction function, bool derivativeReadsX) : Layer where TFunction : unmanaged, IElementwiseFunction
{
    public override Shape Build(LayerBuilder build, Shape input) => input;

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Apply(tape, x, function, derivativeReadsX));

    // A derivative reads x or y, never both: what it does not read may have been overwritten, so the other stands in for it.
    private sealed class Apply(Tape tape, Tensor x, TFunction function, bool readsX) : Node(tape, [x], x.Shape)
    {
        private readonly IElementwise<TFunction> _op = tape.Device.Op<IElementwise<TFunction>>();

        public override bool ReadsInputs => readsX;

        public override bool ReadsOutput => !readsX;

        public override bool InPlace => true;

        public override void Forward(Frame frame) => _op.Forward(function, frame.Input(), frame.Output);

        public override void Backward(Frame frame)
        {
            var read = readsX ? frame.Input() : frame.Output;
            _op.Backward(function, read, read, frame.OutputGradient, frame.InputGradient());
        }
    }
}
