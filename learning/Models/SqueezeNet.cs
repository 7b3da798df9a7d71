using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Fire modules: a 1 x 1 squeeze before 1 x 1 and 3 x 3 expansions side by side; version 1.1.  3x224x224, 1000 outputs: 1,235,496 parameters.  Iandola et al. 2016, arXiv:1602.07360.</summary>
[Named("squeezenet")]
public sealed class SqueezeNet(SqueezeNet.Options options) : Model
{
    /// <param name="Stem">imageNet: the first convolution has stride 2; cifar: stride 1 and padding.</param>
    /// <param name="Dropout">Before the last convolution.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0.5f);

    public override Layer Build(Shape input, int outputs) => new Sequential(
    [
        .. options.Stem == Stem.ImageNet ? Convolutions.Rectified(64, 3, 2) : Convolutions.Rectified(64, 3, 1, 1), Convolutions.MaxPool(3, 2),
        new Fire(new(16, 64)), new Fire(new(16, 64)), Convolutions.MaxPool(3, 2), new Fire(new(32, 128)), new Fire(new(32, 128)), Convolutions.MaxPool(3, 2), new Fire(new(48, 192)), new Fire(new(48, 192)), new Fire(new(64, 256)), new Fire(new(64, 256)),
        new Dropout(new(options.Dropout)), .. Convolutions.Rectified(outputs, 1), new GlobalAveragePool(),
    ]);
}
