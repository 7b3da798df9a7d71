using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean over samples of max(0, ‖a - p‖² - ‖a - n‖² + margin): a sample is three embeddings [3, D] of anchor, positive and negative; its target is not read.  Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832. Accuracy is the share of samples whose positive is nearer.</summary>
[Named("triplet")]
public sealed class Triplet(Triplet.Options options) : Loss
{
    /// <param name="Margin">How much farther the negative must be, in squared distance.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] float Margin = 0.2f);

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) =>
        output.Rank == 2 && output[0] == 3 ? null : $"the model gives {output} for each sample. It must give [3, D]: the embeddings of anchor, positive and negative.";

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => new RowLossNode<TripletMargin>(tape, output, new TripletMargin(options.Margin), 1, readsTarget: false);
}
