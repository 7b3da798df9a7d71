using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Between dense blocks: norm, ReLU, 1 x 1 convolution to keep·C channels, 2 x 2 average.  x [C, H, W]  y [⌊keep·C⌋, ⌊H / 2⌋, ⌊W / 2⌋].  Huang et al. 2016, arXiv:1608.06993.</summary>
[Named("transition")]
public sealed class Transition(Transition.Options options) : Composed
{
    /// <param name="Keep">Share of the channels that stays; at least one does.</param>
    public sealed record Options([property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Keep = 0.5);

    protected override Layer Compose(LayerBuilder build, Shape input) => new Sequential(
        new BatchNorm(new()), new Relu(), new Conv2d(new(Math.Max(1, (int)(Image(build, input)[0] * options.Keep)), new Pair(1, 1)) { Bias = false }), new AveragePool2d(new(new Pair(2, 2))));
}
