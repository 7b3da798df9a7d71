using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// 1 x 1 convolution up to expansion·C channels, depthwise convolution, 1 x 1 down without an activation (a linear bottleneck); x is added where the shape stays.  x [C, H, W]  y [O, H / stride, W / stride].
/// Sandler et al. 2018, arXiv:1801.04381. With a gate and swish it is EfficientNet's MBConv.  Tan, Le 2019, arXiv:1905.11946.
/// </summary>
[Named("invertedResidual")]
public sealed class InvertedResidual(InvertedResidual.Options options) : Composed
{
    /// <param name="Out">Output channels, O.</param>
    /// <param name="Stride">Of the depthwise convolution.</param>
    /// <param name="Expansion">How many times wider the middle is; 1: no convolution up.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Out, [property: Range(1, 64)] int Stride = 1, [property: Range(1, 64)] int Expansion = 6)
    {
        /// <summary>Odd height and width of the depthwise window.</summary>
        [Range(1, 255)] public int Kernel { get; init; } = 3;

        /// <summary>A squeeze-and-excitation gate after the depthwise convolution with C / squeeze hidden units; 0: none.</summary>
        [Range(0, 1024)] public int Squeeze { get; init; }

        /// <summary>Swish in place of ReLU6.</summary>
        public bool Swish { get; init; }
    }

    protected override Layer Compose(LayerBuilder build, Shape input)
    {
        var (inputs, hidden) = (Image(build, input)[0], input[0] * options.Expansion);
        Layer[] body =
        [
            .. options.Expansion > 1 ? [.. Convolutions.Normalized(hidden, 1, relu: false), Bend()] : Array.Empty<Layer>(),
            .. Convolutions.Normalized(hidden, options.Kernel, options.Stride, hidden, relu: false), Bend(),
            .. options.Squeeze > 0 ? [new SqueezeExcite(new() { Hidden = Math.Max(1, inputs / options.Squeeze), Swish = options.Swish })] : Array.Empty<Layer>(),
            .. Convolutions.Normalized(options.Out, 1, relu: false),
        ];
        return options.Stride == 1 && inputs == options.Out ? new Residual(new() { Body = body }) : new Sequential(body);
    }

    private Layer Bend() => options.Swish ? new Silu() : new Relu6();
}
