namespace DistTrain.Learning;

/// <summary>Residual network of 18 layers: basic blocks 2, 2, 2, 2 in stages of 64, 128, 256, 512.  3x32x32: 11,173,962 parameters.  He et al. 2015, arXiv:1512.03385.</summary>
[Named("resnet18")]
public sealed class ResNet18(ResNet18.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs) => ResNet.Build(options.Stem, [2, 2, 2, 2], bottleneck: false, outputs);
}
