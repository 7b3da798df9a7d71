using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>The residual block of ResNet-18 and 34: y = relu(norm(conv3(relu(norm(conv3(x))))) + shortcut(x)); the shortcut is x, or a normalized 1 x 1 convolution where the shape changes.  x [C, H, W]  y [O, H / stride, W / stride].  He et al. 2015, arXiv:1512.03385.</summary>
[Named("basicBlock")]
public sealed class BasicBlock(BasicBlock.Options options) : Composed
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Stride">Of the first convolution.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 64)] int Stride = 1);

    protected override Layer Compose(LayerBuilder build, Shape input) => Convolutions.Basic(Image(build, input)[0], options.Out, options.Stride);
}
