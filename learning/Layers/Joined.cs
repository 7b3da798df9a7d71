using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Inputs side by side along the first axis.  dx of each: its part of dy.</summary>
internal sealed class Joined(Tape tape, IReadOnlyList<Tensor> inputs) : Node(tape, [.. inputs], ShapeOf([.. inputs.Select(i => i.Shape)]))
{
    private readonly IVector _vector = tape.Device.Op<IVector>();
    private readonly int[] _lengths = [.. inputs.Select(i => i.Shape.Length)];
    private readonly int _total = inputs.Sum(i => i.Shape.Length);

    public override bool ReadsInputs => false;

    public static Shape ShapeOf(IReadOnlyList<Shape> shapes) => new([shapes.Sum(s => s[0]), .. shapes[0].Axes[1..]]);

    public override void Forward(Frame frame) => Parts(frame, backward: false);

    public override void Backward(Frame frame) => Parts(frame, backward: true);

    private void Parts(Frame frame, bool backward)
    {
        for (var (input, at) = (0, 0); input < _lengths.Length; at += _lengths[input++])
        {
            var (whole, own) = backward ? (frame.OutputGradient, frame.InputGradient(input)) : (frame.Output, frame.Input(input));
            if (own.IsNone) continue;
            for (var n = 0; n < frame.Samples; n++)
            {
                var (outer, inner) = (whole.Part(n * _total + at, _lengths[input]), own.Part(n * _lengths[input], _lengths[input]));
                if (backward) _vector.Copy(outer, inner);
                else _vector.Copy(inner, outer);
            }
        }
    }
}

/// <summary>Channels [first, first + count) of the first axis.  dx: dy there, 0 elsewhere.</summary>
internal sealed class Sliced(Tape tape, Tensor x, int first, int count) : Node(tape, [x], new Shape([count, .. x.Shape.Axes[1..]]))
{
    private readonly IVector _vector = tape.Device.Op<IVector>();
    private readonly int _whole = x.Shape.Length;
    private readonly int _start = first * (x.Shape.Length / x.Shape[0]);
    private readonly int _length = count * (x.Shape.Length / x.Shape[0]);

    public override bool ReadsInputs => false;

    public override void Forward(Frame frame)
    {
        for (var n = 0; n < frame.Samples; n++) _vector.Copy(frame.Input().Part(n * _whole + _start, _length), frame.Output.Part(n * _length, _length));
    }

    public override void Backward(Frame frame)
    {
        _vector.Fill(frame.InputGradient(), 0f);
        for (var n = 0; n < frame.Samples; n++) _vector.Copy(frame.OutputGradient.Part(n * _length, _length), frame.InputGradient().Part(n * _whole + _start, _length));
    }
}
