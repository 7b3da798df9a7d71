using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Network in network: a convolution, then two 1 x 1 convolutions, a small dense net over the channels of every pixel, each rectified.  x [C, H, W]  y [O, OY, OX].  Lin, Chen, Yan 2013, arXiv:1312.4400.</summary>
[Named("ninBlock")]
public sealed class NinBlock(NinBlock.Options options) : Composed
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Kernel">Height and width of the first window.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 255)] int Kernel = 3)
    {
        /// <summary>Of the first convolution.</summary>
        [Range(1, 64)] public int Stride { get; init; } = 1;

        /// <summary>Of the first convolution; not given: half the kernel.</summary>
        [Range(0, 255)] public int? Padding { get; init; }

        /// <summary>Channels of the first convolution; not given: those of the output.</summary>
        [Range(1, 1 << 20)] public int? First { get; init; }

        /// <summary>Channels of the second convolution; not given: those of the output.</summary>
        [Range(1, 1 << 20)] public int? Second { get; init; }
    }

    protected override Layer Compose(LayerBuilder build, Shape input) => new Sequential(
    [
        .. Convolutions.Rectified(options.First ?? options.Out, options.Kernel, options.Stride, options.Padding ?? options.Kernel / 2),
        .. Convolutions.Rectified(options.Second ?? options.Out, 1), .. Convolutions.Rectified(options.Out, 1),
    ]);
}
