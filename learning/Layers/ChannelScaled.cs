using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>y = x·scale_c + shift_c for each channel of [C, ...]; either may be absent.</summary>
internal sealed class ChannelScaled(Tape tape, Tensor x, Parameter? scale, Parameter? shift) : Node(tape, [x], x.Shape, scale, shift)
{
    private readonly IChannelScale _scale = tape.Device.Op<IChannelScale>();
    private readonly IVector _vector = tape.Device.Op<IVector>();
    private readonly int _channels = x.Shape[0];
    private readonly int _positions = x.Shape.Length / x.Shape[0];

    public override bool ReadsInputs => scale is not null;

    public override bool InPlace => true;

    public override void Forward(Frame frame) => _scale.Forward(frame.Samples, _channels, _positions, frame.Input(), frame.Weights(scale), frame.Weights(shift), frame.Output);

    public override void Backward(Frame frame)
    {
        var dy = frame.OutputGradient;
        _scale.BackwardWeights(frame.Segments, _channels, _positions, ReadsInputs ? frame.Input() : dy, dy, frame.Gradient(scale), frame.Gradient(shift));
        if (frame.InputGradient() is not { IsNone: false } dx) return;
        if (scale is not null) _scale.Forward(frame.Samples, _channels, _positions, dy, frame.Weights(scale), View.None, dx);
        else if (dx != dy) _vector.Copy(dy, dx);
    }
}
