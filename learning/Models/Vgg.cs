namespace DistTrain.Learning;

/// <summary>What the VGG networks share: stages of 3 x 3 convolutions, each ended by a 2 x 2 maximum, then dense layers.  Simonyan, Zisserman 2014, arXiv:1409.1556.</summary>
internal static class Vgg
{
    /// <param name="convolutions">Of each of the five stages, 64 to 512 channels wide.</param>
    /// <param name="stem">imageNet: two dense layers of 4096 with dropout before the outputs; cifar: of 512.</param>
    public static Layer Build(Stem stem, IReadOnlyList<int> convolutions, float dropout, int outputs)
    {
        var (layers, units) = (new List<Layer>(), stem == Stem.ImageNet ? 4096 : 512);
        for (var stage = 0; stage < convolutions.Count; stage++)
        {
            for (var i = 0; i < convolutions[stage]; i++) layers.AddRange(Convolutions.Rectified(Math.Min(512, 64 << stage), 3, padding: 1));
            layers.Add(Convolutions.MaxPool(2, 2));
        }
        return new Sequential([.. layers, new Flatten(), new Linear(new(units)), new Relu(), new Dropout(new(dropout)), new Linear(new(units)), new Relu(), new Dropout(new(dropout)), new Linear(new(outputs))]);
    }
}
