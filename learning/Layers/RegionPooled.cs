using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Maxima over grids on regions of x; without regions one grid on the whole plane.  x [C, H, W]  regions [R, 4]  y [R, C, OY, OX]. Regions get no gradient.</summary>
internal sealed class RegionPooled : Node
{
    private readonly IRegionMax _pool;
    private readonly IVector _vector;
    private readonly RegionShape _shape;
    private readonly Saved _argmax;
    private readonly bool _hasRegions;

    public RegionPooled(Tape tape, Tensor x, Tensor? regions, RegionShape shape) : base(tape, regions is null ? [x] : [x, regions], new Shape(shape.Regions, shape.Channels, shape.OutY, shape.OutX))
    {
        (_pool, _vector, _shape, _hasRegions) = (tape.Device.Op<IRegionMax>(), tape.Device.Op<IVector>(), shape, regions is not null);
        _argmax = Save(shape.OutputLength);
    }

    public override NodeField? FieldOf(int input) => _hasRegions ? null : NodeField.Adaptive(_shape.Height, _shape.Width, _shape.OutY, _shape.OutX);

    public override bool ReadsInputs => false;

    public override void Forward(Frame frame) => _pool.Forward(_shape, frame.Samples, frame.Input(0), _hasRegions ? frame.Input(1) : View.None, frame.Output, frame.Memory(_argmax));

    public override void Backward(Frame frame)
    {
        if (frame.InputGradient(0) is { IsNone: false } dx) _pool.Backward(_shape, frame.Samples, frame.OutputGradient, frame.Memory(_argmax), dx);
        if (_hasRegions && frame.InputGradient(1) is { IsNone: false } dr) _vector.Fill(dr, 0f);
    }
}
