using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// Inverted residuals with gates and swish, found by search as B0 and grown in depth, width and image at once: depth ≈ 1.2^phi, width ≈ 1.1^phi, image side ≈ 224·1.15^phi, so that the cost grows as 2^phi.
/// 3x224x224, 1000 outputs: 5,288,548 parameters (B0), 7,794,184 (B1).  Tan, Le 2019, arXiv:1905.11946.
/// </summary>
[Named("efficientnet")]
public sealed class EfficientNet(EfficientNet.Options options) : Model
{
    // The published rounding of 1.1^phi, 1.2^phi, and dropout.
    private static readonly (double Width, double Depth, float Dropout)[] Scales =
        [(1.0, 1.0, 0.2f), (1.0, 1.1, 0.2f), (1.1, 1.2, 0.3f), (1.2, 1.4, 0.3f), (1.4, 1.8, 0.4f), (1.6, 2.2, 0.4f), (1.8, 2.6, 0.5f), (2.0, 3.1, 0.5f)];

    /// <param name="Stem">cifar: the first convolution and the first halving have stride 1.</param>
    /// <param name="Phi">0 to 7: B0 to B7. The image's side is the data's: 224, 240, 260, 300, 380, 456, 528, 600 in the paper.</param>
    /// <param name="Width">Multiplies channels, rounded to a multiple of 8; not given: phi's.</param>
    /// <param name="Depth">Multiplies blocks, rounded up; not given: phi's.</param>
    /// <param name="Dropout">Before the outputs; not given: phi's.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(0, 7)] int Phi = 0, [property: Range(0.1, 8.0)] double? Width = null, [property: Range(0.1, 8.0)] double? Depth = null, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float? Dropout = null);

    public override Layer Build(Shape input, int outputs)
    {
        var (large, scale) = (options.Stem == Stem.ImageNet, Scales[options.Phi]);
        var (width, depth) = (options.Width ?? scale.Width, options.Depth ?? scale.Depth);
        List<Layer> layers = [.. Swished(Convolutions.Channels(32, width), 3, large ? 2 : 1)];
        foreach (var (expansion, kernel, stride, channels, blocks) in new[] { (1, 3, 1, 16, 1), (6, 3, large ? 2 : 1, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1) })
            for (var (block, count) = (0, (int)Math.Ceiling(blocks * depth)); block < count; block++)
                layers.Add(new InvertedResidual(new(Convolutions.Channels(channels, width), block == 0 ? stride : 1, expansion) { Kernel = kernel, Squeeze = 4, Swish = true }));
        return new Sequential([.. layers, .. Swished(4 * Convolutions.Channels(320, width), 1, 1), new GlobalAveragePool(), new Dropout(new(options.Dropout ?? scale.Dropout)), new Linear(new(outputs))]);
    }

    private static IEnumerable<Layer> Swished(int channels, int kernel, int stride) => [.. Convolutions.Normalized(channels, kernel, stride, relu: false), new Silu()];
}
