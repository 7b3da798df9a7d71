using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>A 1 x 1 convolution to few channels (squeeze), then 1 x 1 and 3 x 3 convolutions side by side (expand), all rectified.  x [C, H, W]  y [2·expand, H, W].  Iandola et al. 2016, arXiv:1602.07360.</summary>
[Named("fire")]
public sealed class Fire(Fire.Options options) : Composed
{
    /// <param name="Squeeze">Channels between.</param>
    /// <param name="Expand">Output channels of each of the two.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Squeeze, [property: Range(1, 1 << 20)] int Expand);

    protected override Layer Compose(LayerBuilder build, Shape input) => new Sequential(
    [
        .. Convolutions.Rectified(options.Squeeze, 1),
        new Concat(new() { Branches = [new Sequential([.. Convolutions.Rectified(options.Expand, 1)]), new Sequential([.. Convolutions.Rectified(options.Expand, 3, 1, 1)])] }),
    ]);
}
