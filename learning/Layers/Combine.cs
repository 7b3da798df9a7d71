using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = F(a, b), element by element: what joins two branches.</summary>
internal sealed class Combine<TFunction>(Tape tape, Tensor a, Tensor b, bool readsInputs, bool readsOutput) : Node(tape, [a, b], a.Shape) where TFunction : unmanaged, IBinaryFunction
{
    private readonly IBinary<TFunction> _op = tape.Device.Op<IBinary<TFunction>>();

    public override bool ReadsInputs => readsInputs;

    public override bool ReadsOutput => readsOutput;

    public override bool InPlace => true;

    public override void Forward(Frame frame) => _op.Forward(default, frame.Input(0), frame.Input(1), frame.Output);

    public override void Backward(Frame frame)
    {
        // Values that are not read are stood in for by the gradient.
        var (a, b) = readsInputs ? (frame.Input(0), frame.Input(1)) : (frame.OutputGradient, frame.OutputGradient);
        _op.Backward(default, a, b, readsOutput ? frame.Output : frame.OutputGradient, frame.OutputGradient, frame.InputGradient(0), frame.InputGradient(1));
    }
}
