using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Inverted residuals: 1 x 1 up, depthwise 3 x 3, 1 x 1 down without activation.  3x224x224, 1000 outputs: 3,504,872 parameters.  Sandler et al. 2018, arXiv:1801.04381.</summary>
[Named("mobilenetV2")]
public sealed class MobileNetV2(MobileNetV2.Options options) : Model
{
    /// <param name="Stem">cifar: the first convolution and the first halving have stride 1.</param>
    /// <param name="Width">Multiplies every number of channels, rounded to the nearest multiple of 8 that takes away less than a tenth, as published weights have it.</param>
    /// <param name="Dropout">Before the outputs.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(0.1, 4.0)] float Width = 1f, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0.2f);

    public override Layer Build(Shape input, int outputs)
    {
        var large = options.Stem == Stem.ImageNet;
        var layers = new List<Layer>(Bounded(Scaled(32), 3, large ? 2 : 1));
        foreach (var (expansion, width, blocks, stride) in new[] { (1, 16, 1, 1), (6, 24, 2, large ? 2 : 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
            for (var block = 0; block < blocks; block++)
                layers.Add(new InvertedResidual(new(Scaled(width), block == 0 ? stride : 1, expansion)));
        return new Sequential([.. layers, .. Bounded(Math.Max(1280, Scaled(1280)), 1, 1), new GlobalAveragePool(), new Dropout(new(options.Dropout)), new Linear(new(outputs))]);
    }

    private static IEnumerable<Layer> Bounded(int outputs, int kernel, int stride) => [.. Convolutions.Normalized(outputs, kernel, stride, relu: false), new Relu6()];

    private int Scaled(int channels) => Convolutions.Channels(channels, options.Width);
}
