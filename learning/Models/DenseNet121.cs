namespace DistTrain.Learning;

/// <summary>Dense blocks of 6, 12, 24, 16 layers: every layer reads all before it and adds 32 channels; transitions halve channels and image.  3x224x224, 1000 outputs: 7,978,856 parameters.  Huang et al. 2016, arXiv:1608.06993.</summary>
[Named("densenet121")]
public sealed class DenseNet121(DenseNet121.Options options) : Model
{
    /// <param name="Stem">How the image enters: cifar for 32 x 32, imageNet for 224 x 224.</param>
    public sealed record Options(Stem Stem = Stem.Cifar);

    public override Layer Build(Shape input, int outputs)
    {
        var layers = new List<Layer>(Convolutions.Normalized(64, options.Stem == Stem.Cifar ? 3 : 7, options.Stem == Stem.Cifar ? 1 : 2));
        if (options.Stem == Stem.ImageNet) layers.Add(Convolutions.MaxPool(3, 2, 1));
        int[] blocks = [6, 12, 24, 16];
        for (var block = 0; block < blocks.Length; block++)
        {
            layers.Add(new DenseBlock(new(blocks[block])));
            if (block < blocks.Length - 1) layers.Add(new Transition(new()));
        }
        return new Sequential([.. layers, new BatchNorm(new()), new Relu(), new GlobalAveragePool(), new Linear(new(outputs))]);
    }
}
