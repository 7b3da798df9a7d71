namespace DistTrain.Learning;

/// <summary>Dense blocks of 6, 12, 24, 16 layers: every layer reads all before it and adds 32 channels; transitions halve channels and image.  3x224x224, 1000 outputs: 7,978,856 parameters.  Huang et al. 2016, arXiv:1608.06993.</summary>
[Named("densenet121")]
public sealed class DenseNet121(DenseNet121.Options options) : Model
{
    private const int Growth = 32;

    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs)
    {
        var layers = new List<Layer>(Convolutions.Normalized(64, options.Stem == Stem.Cifar ? 3 : 7, options.Stem == Stem.Cifar ? 1 : 2));
        if (options.Stem == Stem.ImageNet) layers.Add(Convolutions.MaxPool(3, 2, 1));
        var channels = 64;
        int[] blocks = [6, 12, 24, 16];
        for (var block = 0; block < blocks.Length; block++)
        {
            for (var i = 0; i < blocks[block]; i++) layers.Add(Grown());
            channels += Growth * blocks[block];
            if (block == blocks.Length - 1) break;
            channels /= 2;
            layers.AddRange([new BatchNorm(new()), new Relu(), new Conv2d(new(channels, new Pair(1, 1)) { Bias = false }), new AveragePool2d(new(new Pair(2, 2)))]);
        }
        return new Sequential([.. layers, new BatchNorm(new()), new Relu(), new GlobalAveragePool(), new Linear(new(outputs))]);
    }

    // x beside normalization, ReLU, 1 x 1 convolution to 128, normalization, ReLU, 3 x 3 convolution to 32.
    private static Concat Grown() => new(new()
    {
        Branches =
        [
            new Sequential(),
            new Sequential(new BatchNorm(new()), new Relu(), new Conv2d(new(4 * Growth, new Pair(1, 1)) { Bias = false }), new BatchNorm(new()), new Relu(),
                new Conv2d(new(Growth, new Pair(3, 3)) { Padding = new Pair(1, 1), Bias = false })),
        ],
    });
}
