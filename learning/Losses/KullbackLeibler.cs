using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>loss = mean over samples and positions of KL(t ‖ softmax(y)) = Σ_k t_k·(ln t_k - ln softmax(y)_k): targets are probabilities t [..., K], outputs logits.  dy = (softmax(y)·Σt - t) / n.  Hits compare the largest of both.</summary>
[Named("klDivergence")]
public sealed class KullbackLeibler : Loss
{
    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) =>
        kind != TargetKind.Values ? "the loss is klDivergence and the data's targets are class labels. It takes probabilities. Use crossEntropy."
        : output != target || target.Rank == 0 ? $"the model gives {output} for each sample and the data's targets are {target}. Both must be equal, classes on the last axis." : null;

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => new RowLossNode<DivergenceLoss>(tape, output, default, output.Shape.Length / output.Shape[-1]);
}
