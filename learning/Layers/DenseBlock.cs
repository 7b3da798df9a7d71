using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Layers that each read x and all before them and add <c>growth</c> channels: norm, ReLU, 1 x 1 convolution to width·growth, norm, ReLU, 3 x 3 convolution.  x [C, H, W]  y [C + layers·growth, H, W].  Huang et al. 2016, arXiv:1608.06993.</summary>
[Named("denseBlock")]
public sealed class DenseBlock(DenseBlock.Options options) : Composed
{
    /// <param name="Layers">How many.</param>
    /// <param name="Growth">Channels that each adds.</param>
    /// <param name="Width">Channels between the two convolutions, for each channel of the growth; 0: the 3 x 3 convolution alone.</param>
    public sealed record Options([property: Range(1, 1024)] int Layers, [property: Range(1, 1 << 16)] int Growth = 32, [property: Range(0, 64)] int Width = 4);

    protected override Layer Compose(LayerBuilder build, Shape input) =>
        new Sequential([.. Enumerable.Range(0, options.Layers).Select(_ => new Concat(new() { Branches = [new Sequential(), new Sequential(Grown())] }))]);

    private Layer[] Grown()
    {
        Layer[] narrowed = options.Width == 0 ? [] : [new BatchNorm(new()), new Relu(), new Conv2d(new(options.Width * options.Growth, new Pair(1, 1)) { Bias = false })];
        return [.. narrowed, new BatchNorm(new()), new Relu(), new Conv2d(new(options.Growth, new Pair(3, 3)) { Padding = new Pair(1, 1), Bias = false })];
    }
}
