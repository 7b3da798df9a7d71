namespace DistTrain.Learning;

/// <summary>Residual network of 152 layers: bottleneck blocks 3, 8, 36, 3 in stages of 64, 128, 256, 512.  He et al. 2015, arXiv:1512.03385.</summary>
[Named("resnet152")]
public sealed class ResNet152(ResNet152.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs) => ResNet.Build(options.Stem, [3, 8, 36, 3], bottleneck: true, outputs);
}
