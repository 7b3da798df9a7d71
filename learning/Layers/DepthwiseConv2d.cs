using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Each channel convolved by itself: conv2d with as many groups as channels.  x [C, H, W]  weight [C·multiplier, 1, KY, KX]  y [C·multiplier, OY, OX].  Sifre 2014; Chollet 2016, arXiv:1610.02357.</summary>
[Named("depthwiseConv2d")]
public sealed class DepthwiseConv2d(DepthwiseConv2d.Options options) : Composed
{
    /// <param name="Kernel">Height and width of the window.</param>
    public sealed record Options([property: Range(1, 4096)] Pair Kernel)
    {
        /// <summary>Step between windows.</summary>
        [Range(1, 4096)] public Pair Stride { get; init; } = new(1, 1);

        /// <summary>Zeros around the input, on each side; not given: half the kernel, which keeps the size at stride 1.</summary>
        [Range(0, 4096)] public Pair? Padding { get; init; }

        /// <summary>Outputs of each channel.</summary>
        [Range(1, 1024)] public int Multiplier { get; init; } = 1;

        /// <summary>Whether the bias is there.</summary>
        public bool Bias { get; init; } = true;
    }

    protected override Layer Compose(LayerBuilder build, Shape input) => new Conv2d(new(options.Multiplier * Image(build, input)[0], options.Kernel)
    {
        Stride = options.Stride, Padding = options.Padding ?? new Pair(options.Kernel.Y / 2, options.Kernel.X / 2), Groups = input[0], Bias = options.Bias,
    });
}
