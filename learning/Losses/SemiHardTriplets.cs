using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// loss = mean over pairs a, p of one label of max(0, ‖a - p‖² - ‖a - n‖² + margin), n mined inside the micro-batch: the nearest sample of another label that is farther from a than p is, or else the
/// farthest. Outputs are embeddings [D] (l2Normalize last), targets class labels.  Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832. Accuracy is the share of samples whose nearest neighbour has their label.
/// </summary>
/// <remarks>Micro-batches must hold several samples of a class: let microBatches be small beside the batch. The mean is over the pairs of the whole step, by the tree.</remarks>
[Named("semiHardTriplet")]
public sealed class SemiHardTriplets(SemiHardTriplets.Options options) : Loss
{
    /// <param name="Margin">How much farther the negative must be, in squared distance.</param>
    public sealed record Options([property: Range(0.0, 1e6, MinimumIsExclusive = true)] float Margin = 0.2f);

    public override LossFactor Factor => LossFactor.OfTargets;

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) =>
        kind != TargetKind.Labels ? "the loss is semiHardTriplet and the data's targets are real values. It takes class labels: triplets are found by them."
        : output.Rank != 1 || target.Length != 1 ? $"the model gives {output} for each sample and the data's targets are {target}. It must give one embedding [D] for one label." : null;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => new Mined(tape, output, options.Margin);

    private sealed class Mined(Tape tape, Tensor output, float margin) : LossNode(tape, output)
    {
        private readonly ISemiHardTriplet _loss = tape.Device.Op<ISemiHardTriplet>();
        private readonly int _length = output.Shape.Length;

        public override void Forward(Frame frame) => _loss.Forward(frame.Segments, _length, margin, frame.Input(), frame.Target, frame.InputGradient(), frame.Metrics);
    }
}
