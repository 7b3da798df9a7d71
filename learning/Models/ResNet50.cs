namespace DistTrain.Learning;

/// <summary>Residual network of 50 layers: bottleneck blocks 3, 4, 6, 3 in stages of 64, 128, 256, 512.  3x32x32: 23,520,842 parameters.  He et al. 2015, arXiv:1512.03385.</summary>
[Named("resnet50")]
public sealed class ResNet50(ResNet50.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs) => ResNet.Build(options.Stem, [3, 4, 6, 3], bottleneck: true, outputs);
}
