using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>True convolution: a cross-correlation with the window turned by 180°.  dw is the cross-correlation's, turned back; turning moves values and rounds none, so sums over micro-batches keep their bits.</summary>
internal sealed class FlippedProduct : Node
{
    private readonly IConv2d _conv;
    private readonly ISparseProduct _turn;
    private readonly IElementwise<Kernels.Functions.Relu>? _relu;
    private readonly SparseMatrix _turned;
    private readonly Conv2dShape _shape;
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly Epilogue _epilogue;
    private readonly Saved _window;

    public FlippedProduct(Tape tape, Tensor x, Conv2dShape shape, Parameter weight, Parameter? bias, Epilogue epilogue) : base(tape, [x], new Shape(shape.Outputs, shape.OutY, shape.OutX), weight, bias)
    {
        (_conv, _turn, _shape, _weight, _bias, _epilogue) = (tape.Device.Op<IConv2d>(), tape.Device.Op<ISparseProduct>(), shape, weight, bias, epilogue);
        _relu = epilogue == Epilogue.Relu ? tape.Device.Op<IElementwise<Kernels.Functions.Relu>>() : null;
        var taps = shape.KernelY * shape.KernelX;
        _turned = SparseMatrix.Selection(taps, Enumerable.Range(0, taps).Select(i => taps - 1 - i));
        _window = ScratchOnce(weight.Shape.Length);
    }

    public override bool ReadsOutput => _relu is not null;

    public override NodeField FieldOf(int input) => NodeField.Windows(_shape);

    public override long MultiplyAdds => (long)_shape.OutputLength * _shape.WeightLength / _shape.Outputs;

    public override void Forward(Frame frame) => _conv.Forward(_shape, frame.Samples, frame.Input(), Turned(frame), frame.Weights(_bias), frame.Output, _epilogue);

    public override void Backward(Frame frame)
    {
        var (dy, dx, window) = (frame.OutputGradient, frame.InputGradient(), frame.Memory(_window));
        _relu?.Backward(default, frame.Output, frame.Output, dy, dy);
        _conv.BackwardWeights(_shape, frame.Segments, frame.Input(), dy, window, frame.Gradient(_bias));
        _turn.Multiply(_turned, Windows, window, frame.Gradient(_weight));
        if (!dx.IsNone) _conv.BackwardInput(_shape, frame.Samples, dy, Turned(frame), dx);
    }

    private int Windows => _weight.Shape.Length / _turned.Rows;

    private View Turned(Frame frame)
    {
        var window = frame.Memory(_window);
        _turn.Multiply(_turned, Windows, frame.Weights(_weight), window);
        return window;
    }
}
