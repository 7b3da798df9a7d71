namespace DistTrain.Learning;

/// <summary>Residual network of 18 layers whose blocks end with a gate for each channel, reduction 16.  Hu et al. 2017, arXiv:1709.01507.</summary>
[Named("senet18")]
public sealed class SeNet(SeNet.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs) => ResNet.Build(options.Stem, [2, 2, 2, 2], bottleneck: false, outputs, () => new SqueezeExcite(new(16)));
}
