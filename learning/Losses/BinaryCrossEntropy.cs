using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean of -(p·t·ln σ(y) + (1 - t)·ln(1 - σ(y))) over samples and elements: y are logits, no sigmoid layer stands before;  dy = (σ(y) - t) / (n·elements) at p = 1.  Targets are values in [0, 1], or labels of two classes.</summary>
[Named("binaryCrossEntropy")]
public sealed class BinaryCrossEntropy(BinaryCrossEntropy.Options options) : ValueLoss
{
    /// <param name="PositiveWeight">p: what positives count, against imbalance.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] float PositiveWeight = 1f);

    protected override string Name => "binaryCrossEntropy";

    protected override bool TakesLabels => true;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => Record(tape, output, new LogisticLoss(options.PositiveWeight), kind);
}
