using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// loss = √(mean of (y - target)² over samples and elements);  dy = (y - target) / (n·elements·loss), 0 where the loss is 0. The root is taken once, of the whole step's mean: the tree sums
/// squares and their gradients, and the step's coefficient takes 1 / (2·loss).
/// </summary>
[Named("rmse")]
public sealed class RootMeanSquaredError : Loss
{
    private readonly MeanSquaredError _squares = new();

    public override LossFactor Factor => LossFactor.OfOutputs;

    public override string? Misfit(Shape output, Shape target, TargetKind kind, int classes) => _squares.Misfit(output, target, kind, classes)?.Replace("the loss is mse", "the loss is rmse", StringComparison.Ordinal);

    public override (double Loss, double Factor) Finish(double sum, double weight)
    {
        var root = Math.Sqrt(sum);
        return (root, root > 0 ? 0.5 / root : 0.0);
    }

    public override LossNode Record(Tape tape, Tensor output, TargetKind kind) => _squares.Record(tape, output, kind);
}
