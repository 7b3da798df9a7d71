using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of ½·d² where |d| ≤ delta, else delta·(|d| - ½·delta);  d = y - target;  dy = clamp(d, ±delta) / (n·elements).  Huber 1964, doi:10.1214/aoms/1177703732.</summary>
[Named("huber")]
public sealed class Huber(Huber.Options options) : ValueLoss
{
    /// <param name="Delta">Where the parabola becomes a line.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] float Delta = 1f);

    protected override string Name => "huber";

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => Record(tape, output, new HuberDifference(options.Delta), kind);
}
