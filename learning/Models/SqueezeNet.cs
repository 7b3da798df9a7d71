namespace DistTrain.Learning;

/// <summary>Fire modules: a 1 x 1 squeeze before 1 x 1 and 3 x 3 expansions side by side; version 1.1.  3x224x224, 1000 outputs: 1,235,496 parameters.  Iandola et al. 2016, arXiv:1602.07360.</summary>
[Named("squeezenet")]
public sealed class SqueezeNet(SqueezeNet.Options options) : Model
{
    /// <param name="Stem">imageNet: the first convolution has stride 2; cifar: stride 1 and padding.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs) => new Sequential(
    [
        .. options.Stem == Stem.ImageNet ? Convolutions.Rectified(64, 3, 2) : Convolutions.Rectified(64, 3, 1, 1), Convolutions.MaxPool(3, 2),
        Fire(16, 64), Fire(16, 64), Convolutions.MaxPool(3, 2), Fire(32, 128), Fire(32, 128), Convolutions.MaxPool(3, 2), Fire(48, 192), Fire(48, 192), Fire(64, 256), Fire(64, 256),
        new Dropout(new()), .. Convolutions.Rectified(outputs, 1), new GlobalAveragePool(),
    ]);

    private static Sequential Fire(int squeeze, int expand) => new(
    [
        .. Convolutions.Rectified(squeeze, 1),
        new Concat(new() { Branches = [new Sequential([.. Convolutions.Rectified(expand, 1)]), new Sequential([.. Convolutions.Rectified(expand, 3, 1, 1)])] }),
    ]);
}
