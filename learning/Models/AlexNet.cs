namespace DistTrain.Learning;

/// <summary>Five convolutions and three dense layers with local response normalization and dropout.  3x224x224, 1000 outputs: 62,378,344 parameters.  Krizhevsky, Sutskever, Hinton 2012.</summary>
[Named("alexnet")]
public sealed class AlexNet(AlexNet.Options options) : Model
{
    /// <param name="Stem">imageNet: 11 x 11 of stride 4; cifar: 3 x 3 kernels at the start, dense layers of 512.</param>
    /// <param name="Groups">2 splits convolutions 2, 4 and 5 in two halves, as the paper's two devices had them.</param>
    /// <param name="Dropout">Before the first two dense layers.</param>
    public sealed record Options(Stem Stem = Stem.ImageNet, [property: System.ComponentModel.DataAnnotations.Range(1, 2)] int Groups = 1, [property: System.ComponentModel.DataAnnotations.Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0.5f);

    public override Layer Build(Shape input, int outputs)
    {
        var (large, units) = (options.Stem == Stem.ImageNet, options.Stem == Stem.ImageNet ? 4096 : 512);
        return new Sequential(
            Conv(96, large ? 11 : 3, large ? 4 : 1, large ? 2 : 1, 1), new Relu(), new LocalResponseNorm(new(5, 5e-4f, 0.75f, 2f)), Convolutions.MaxPool(3, 2),
            Conv(256, large ? 5 : 3, 1, large ? 2 : 1, options.Groups), new Relu(), new LocalResponseNorm(new(5, 5e-4f, 0.75f, 2f)), Convolutions.MaxPool(3, 2),
            Conv(384, 3, 1, 1, 1), new Relu(), Conv(384, 3, 1, 1, options.Groups), new Relu(), Conv(256, 3, 1, 1, options.Groups), new Relu(), Convolutions.MaxPool(3, 2),
            new Flatten(), new Dropout(new(options.Dropout)), new Linear(new(units)), new Relu(), new Dropout(new(options.Dropout)), new Linear(new(units)), new Relu(), new Linear(new(outputs)));
    }

    private static Conv2d Conv(int outputs, int kernel, int stride, int padding, int groups) =>
        new(new(outputs, new Pair(kernel, kernel)) { Stride = new Pair(stride, stride), Padding = new Pair(padding, padding), Groups = groups });
}
