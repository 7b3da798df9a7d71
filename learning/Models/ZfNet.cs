using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>AlexNet after looking inside it: a first window of 7 x 7 and stride 2 in place of 11 x 11 and 4, which lost the middle frequencies.  3x224x224, 1000 outputs: 62,357,608 parameters.  Zeiler, Fergus 2013, arXiv:1311.2901.</summary>
[Named("zfnet")]
public sealed class ZfNet(ZfNet.Options options) : Model
{
    /// <param name="Stem">imageNet: as in the paper; cifar: 3 x 3 kernels of stride 1 at the start, dense layers of 512.</param>
    /// <param name="Dropout">Behind the first two dense layers.</param>
    public sealed record Options(Stem Stem = Stem.ImageNet, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0.5f);

    public override Layer Build(Shape input, int outputs)
    {
        var (large, units) = (options.Stem == Stem.ImageNet, options.Stem == Stem.ImageNet ? 4096 : 512);
        return new Sequential(
        [
            .. Convolutions.Rectified(96, large ? 7 : 3, large ? 2 : 1, 1), Convolutions.MaxPool(3, 2, 1), new LocalResponseNorm(new(5, 5e-4f, 0.75f, 2f)),
            .. Convolutions.Rectified(256, large ? 5 : 3, large ? 2 : 1, large ? 0 : 1), Convolutions.MaxPool(3, 2, 1), new LocalResponseNorm(new(5, 5e-4f, 0.75f, 2f)),
            .. Convolutions.Rectified(384, 3, 1, 1), .. Convolutions.Rectified(384, 3, 1, 1), .. Convolutions.Rectified(256, 3, 1, 1), Convolutions.MaxPool(3, 2),
            new Flatten(), new Linear(new(units)), new Relu(), new Dropout(new(options.Dropout)), new Linear(new(units)), new Relu(), new Dropout(new(options.Dropout)), new Linear(new(outputs)),
        ]);
    }
}
