using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of |y - target| over samples and elements;  dy = sign(y - target) / (n·elements).</summary>
[Named("mae")]
public sealed class MeanAbsoluteError : ValueLoss
{
    protected override string Name => "mae";

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => Record(tape, output, default(AbsoluteDifference), kind);
}
