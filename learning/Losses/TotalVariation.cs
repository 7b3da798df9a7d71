using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean over samples of Σ |x[c, h + 1, w] - x[c, h, w]| + Σ |x[c, h, w + 1] - x[c, h, w]| of an output image [C, H, W]: how noisy it is; the target is not read.  Rudin, Osher, Fatemi 1992, doi:10.1016/0167-2789(92)90242-F, in the anisotropic form of neural style transfer.</summary>
[Named("totalVariation")]
public sealed class TotalVariation : Loss
{
    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) =>
        output.Rank == 3 ? null : $"the model gives {output} for each sample. It must give an image [C, H, W].";

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => new RowLossNode<ImageVariation>(tape, output, new ImageVariation(output.Shape[1], output.Shape[2]), 1, readsTarget: false);
}
