namespace DistTrain.Learning;

/// <summary>Residual network of 18 layers whose blocks end with a gate for each channel, reduction 16.  Hu et al. 2017, arXiv:1709.01507.</summary>
[Named("senet18")]
public sealed class SeNet(SeNet.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs)
    {
        var layers = new List<Layer>(Convolutions.Normalized(64, options.Stem == Stem.Cifar ? 3 : 7, options.Stem == Stem.Cifar ? 1 : 2));
        if (options.Stem == Stem.ImageNet) layers.Add(Convolutions.MaxPool(3, 2, 1));
        var inputs = 64;
        for (var stage = 0; stage < 4; stage++)
            for (var block = 0; block < 2; block++)
            {
                var (width, stride) = (64 << stage, block == 0 && stage > 0 ? 2 : 1);
                layers.Add(new Residual(new()
                {
                    Body = [.. Convolutions.Normalized(width, 3, stride), .. Convolutions.Normalized(width, 3, relu: false), new SqueezeExcite(new(16))],
                    Shortcut = stride == 1 && inputs == width ? [] : [.. Convolutions.Normalized(width, 1, stride, relu: false)],
                    Relu = true,
                }));
                inputs = width;
            }
        return new Sequential([.. layers, new GlobalAveragePool(), new Linear(new(outputs))]);
    }
}
