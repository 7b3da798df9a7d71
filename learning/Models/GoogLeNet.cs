using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Nine inception blocks: 1 x 1, 3 x 3, 5 x 5 convolutions and a maximum side by side, without the paper's two local response normalizations of the stem; with the paper's two auxiliary heads where they are asked for.  3x224x224, 1000 outputs: 6,998,552 parameters without the heads, 13,378,280 with them.  Szegedy et al. 2014, arXiv:1409.4842.</summary>
[Named("googlenet")]
public sealed class GoogLeNet(GoogLeNet.Options options) : Model
{
    /// <param name="Stem">imageNet: 7 x 7 of stride 2 and poolings first; cifar: one 3 x 3 convolution of 192.</param>
    /// <param name="Auxiliary">Heads behind the third and the sixth block whose losses count 0.3 in training.</param>
    /// <param name="Dropout">Before the outputs.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, bool Auxiliary = false, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0.4f);

    public override Layer Build(Shape input, int outputs) => new Sequential(
    [
        .. options.Stem == Stem.ImageNet
            ? [.. Convolutions.Rectified(64, 7, 2, 3), Convolutions.MaxPool(3, 2, 1), .. Convolutions.Rectified(64, 1), .. Convolutions.Rectified(192, 3, 1, 1), Convolutions.MaxPool(3, 2, 1)]
            : Convolutions.Rectified(192, 3, 1, 1),
        Block(64, 96, 128, 16, 32, 32), Block(128, 128, 192, 32, 96, 64), Convolutions.MaxPool(3, 2, 1),
        Block(192, 96, 208, 16, 48, 64), .. Head(outputs), Block(160, 112, 224, 24, 64, 64), Block(128, 128, 256, 24, 64, 64), Block(112, 144, 288, 32, 64, 64), .. Head(outputs),
        Block(256, 160, 320, 32, 128, 128), Convolutions.MaxPool(3, 2, 1),
        Block(256, 160, 320, 32, 128, 128), Block(384, 192, 384, 48, 128, 128), new GlobalAveragePool(), new Dropout(new(options.Dropout)), new Linear(new(outputs)),
    ]);

    private static Inception Block(int one, int beforeThree, int three, int beforeFive, int five, int pooled) => new(new(one, beforeThree, three, beforeFive, five, pooled));

    // The paper's 5 x 5 average of stride 3 gives 4 x 4 from 14 x 14; adaptive, it does so from any size.
    private Layer[] Head(int outputs) => options.Auxiliary
        ? [new Auxiliary(new()
        {
            Head = [new AdaptiveAveragePool2d(new(new Pair(4, 4))), .. Convolutions.Rectified(128, 1), new Flatten(), new Linear(new(1024)), new Relu(), new Dropout(new(0.7f)), new Linear(new(outputs))],
        })]
        : [];
}
