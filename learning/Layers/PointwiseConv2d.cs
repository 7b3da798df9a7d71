using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>A 1 x 1 convolution: the same dense layer over the channels of every pixel.  x [C, H, W]  weight [O, C, 1, 1]  y [O, H, W].  Lin, Chen, Yan 2013, arXiv:1312.4400.</summary>
[Named("pointwiseConv2d")]
public sealed class PointwiseConv2d(PointwiseConv2d.Options options) : Composed
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Groups">Groups of channels that do not see each other.</param>
    /// <param name="Bias">Whether the bias is there.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 1 << 20)] int Groups = 1, bool Bias = true) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => new Conv2d.Options(Out, new Pair(1, 1)) { Groups = Groups }.Validate(validationContext);
    }

    protected override Layer Compose(LayerBuilder build, Shape input) => new Conv2d(new(options.Out, new Pair(1, 1)) { Groups = options.Groups, Bias = options.Bias });
}
