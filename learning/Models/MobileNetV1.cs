using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Thirteen depthwise-separable blocks from 32 to 1024 channels.  3x224x224, 1000 outputs: 4,231,976 parameters.  Howard et al. 2017, arXiv:1704.04861.</summary>
[Named("mobilenetV1")]
public sealed class MobileNetV1(MobileNetV1.Options options) : Model
{
    /// <param name="Stem">cifar: the first convolution and the first two halvings have stride 1.</param>
    /// <param name="Width">Multiplies every number of channels, rounded down to a multiple of 8.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(0.1, 4.0)] float Width = 1f);

    public override Layer Build(Shape input, int outputs)
    {
        var large = options.Stem == Stem.ImageNet;
        var layers = new List<Layer>(Convolutions.Normalized(Scaled(32), 3, large ? 2 : 1));
        foreach (var (width, stride) in new[] { (64, 1), (128, large ? 2 : 1), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1) })
            layers.Add(new SeparableConv2d(new(Scaled(width), 3, stride)));
        return new Sequential([.. layers, new GlobalAveragePool(), new Linear(new(outputs))]);
    }

    private int Scaled(int channels) => Math.Max(8, (int)(channels * options.Width) / 8 * 8);
}
