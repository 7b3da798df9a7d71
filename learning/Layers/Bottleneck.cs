using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>The residual block of ResNet-50 and deeper: 1 x 1 to the width, 3 x 3, 1 x 1 to the outputs, each normalized, beside a shortcut, rectified after the sum.  x [C, H, W]  y [expansion·width, H / stride, W / stride].  He et al. 2015, arXiv:1512.03385.</summary>
[Named("bottleneck")]
public sealed class Bottleneck(Bottleneck.Options options) : Composed
{
    /// <param name="Width">Channels of the 3 x 3 convolution.</param>
    /// <param name="Stride">Of the 3 x 3 convolution, as torchvision has it.</param>
    /// <param name="Expansion">Outputs for each channel of the width.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Width, [property: Range(1, 64)] int Stride = 1, [property: Range(1, 64)] int Expansion = 4);

    protected override Layer Compose(LayerBuilder build, Shape input) => Convolutions.Bottleneck(Image(build, input)[0], options.Width, options.Expansion * options.Width, options.Stride);
}
