using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>VGG of 16 layers with weights: 2, 2, 3, 3, 3 convolutions of 3 x 3 in five stages.  3x224x224, 1000 outputs: 138,357,544 parameters.  Simonyan, Zisserman 2014, arXiv:1409.1556.</summary>
[Named("vgg16")]
public sealed class Vgg16(Vgg16.Options options) : Model
{
    /// <param name="Stem">imageNet: dense layers of 4096; cifar: of 512, for 32 x 32.</param>
    /// <param name="Dropout">Behind the first two dense layers.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0.5f);

    public override Layer Build(Shape input, int outputs) => Vgg.Build(options.Stem, [2, 2, 3, 3, 3], options.Dropout, outputs);
}
