namespace DistTrain.Learning;

/// <summary>What the residual networks share: stem, four stages of blocks that halve the image and widen, global average pool, outputs.  He et al. 2015, arXiv:1512.03385.</summary>
internal static class ResNet
{
    /// <param name="blocks">Blocks of each of the four stages.</param>
    /// <param name="bottleneck">1 x 1, 3 x 3, 1 x 1 blocks four times as wide at their ends.</param>
    /// <param name="gate">Ends the body of each 3 x 3, 3 x 3 block; null: nothing does.</param>
    public static Layer Build(Stem stem, IReadOnlyList<int> blocks, bool bottleneck, int outputs, Func<Layer>? gate = null)
    {
        var layers = new List<Layer>(Convolutions.Normalized(64, stem == Stem.Cifar ? 3 : 7, stem == Stem.Cifar ? 1 : 2));
        if (stem == Stem.ImageNet) layers.Add(Convolutions.MaxPool(3, 2, 1));
        var inputs = 64;
        for (var stage = 0; stage < blocks.Count; stage++)
        {
            var width = 64 << stage;
            for (var block = 0; block < blocks[stage]; block++)
            {
                var stride = block == 0 && stage > 0 ? 2 : 1;
                layers.Add(bottleneck ? Convolutions.Bottleneck(inputs, width, 4 * width, stride) : Convolutions.Basic(inputs, width, stride, gate?.Invoke()));
                inputs = bottleneck ? 4 * width : width;
            }
        }
        return new Sequential([.. layers, new GlobalAveragePool(), new Linear(new(outputs))]);
    }
}
