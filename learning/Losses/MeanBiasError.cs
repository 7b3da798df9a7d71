using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of y - target over samples and elements;  dy = 1 / (n·elements): it shows a bias and is no goal to train towards.</summary>
[Named("mbe")]
public sealed class MeanBiasError : ValueLoss
{
    protected override string Name => "mbe";

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => Record(tape, output, default(SignedDifference), kind);
}
