namespace DistTrain.Learning;

/// <summary>Nine inception blocks: 1 x 1, 3 x 3, 5 x 5 convolutions and a maximum side by side.  3x224x224, 1000 outputs: 6,998,552 parameters, without the paper's two auxiliary heads.  Szegedy et al. 2014, arXiv:1409.4842.</summary>
[Named("googlenet")]
public sealed class GoogLeNet(GoogLeNet.Options options) : Model
{
    /// <param name="Stem">imageNet: 7 x 7 of stride 2 and poolings first; cifar: one 3 x 3 convolution of 192.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs) => new Sequential(
    [
        .. options.Stem == Stem.ImageNet
            ? [.. Convolutions.Rectified(64, 7, 2, 3), Convolutions.MaxPool(3, 2, 1), .. Convolutions.Rectified(64, 1), .. Convolutions.Rectified(192, 3, 1, 1), Convolutions.MaxPool(3, 2, 1)]
            : Convolutions.Rectified(192, 3, 1, 1),
        Inception(64, 96, 128, 16, 32, 32), Inception(128, 128, 192, 32, 96, 64), Convolutions.MaxPool(3, 2, 1),
        Inception(192, 96, 208, 16, 48, 64), Inception(160, 112, 224, 24, 64, 64), Inception(128, 128, 256, 24, 64, 64), Inception(112, 144, 288, 32, 64, 64), Inception(256, 160, 320, 32, 128, 128), Convolutions.MaxPool(3, 2, 1),
        Inception(256, 160, 320, 32, 128, 128), Inception(384, 192, 384, 48, 128, 128), new GlobalAveragePool(), new Dropout(new(0.4f)), new Linear(new(outputs)),
    ]);

    // 1 x 1; 1 x 1 then 3 x 3; 1 x 1 then 5 x 5; maximum then 1 x 1.
    private static Concat Inception(int one, int beforeThree, int three, int beforeFive, int five, int pooled) => new(new()
    {
        Branches =
        [
            new Sequential([.. Convolutions.Rectified(one, 1)]),
            new Sequential([.. Convolutions.Rectified(beforeThree, 1), .. Convolutions.Rectified(three, 3, 1, 1)]),
            new Sequential([.. Convolutions.Rectified(beforeFive, 1), .. Convolutions.Rectified(five, 5, 1, 2)]),
            new Sequential([Convolutions.MaxPool(3, 1, 1), .. Convolutions.Rectified(pooled, 1)]),
        ],
    });
}
