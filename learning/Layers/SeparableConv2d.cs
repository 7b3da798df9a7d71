using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// Depthwise-separable convolution: a window over each channel by itself, then a 1 x 1 convolution over channels, each normalized and rectified.  x [C, H, W]  y [O, ⌈H / stride⌉, ⌈W / stride⌉].
/// C·K² + C·O multiply-adds for each pixel in place of C·O·K².  Howard et al. 2017, arXiv:1704.04861.
/// </summary>
[Named("separableConv2d")]
public sealed class SeparableConv2d(SeparableConv2d.Options options) : Composed
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Kernel">Odd height and width of the window, K; padding keeps the size.</param>
    /// <param name="Stride">Of the depthwise convolution.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 255)] int Kernel = 3, [property: Range(1, 64)] int Stride = 1);

    protected override Layer Compose(LayerBuilder build, Shape input)
    {
        var channels = Image(build, input)[0];
        return new Sequential([.. Convolutions.Normalized(channels, options.Kernel, options.Stride, groups: channels), .. Convolutions.Normalized(options.Out, 1)]);
    }
}
