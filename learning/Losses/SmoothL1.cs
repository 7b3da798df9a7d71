using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of ½·d² / beta where |d| &lt; beta, else |d| - ½·beta;  d = y - target.  Girshick 2015, arXiv:1504.08083.</summary>
[Named("smoothL1")]
public sealed class SmoothL1(SmoothL1.Options options) : ValueLoss
{
    /// <param name="Beta">Where the parabola becomes a line.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] float Beta = 1f);

    protected override string Name => "smoothL1";

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => Record(tape, output, new SmoothDifference(options.Beta), kind);
}
