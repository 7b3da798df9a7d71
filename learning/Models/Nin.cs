using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Network in network: blocks of one convolution and two of 1 x 1, a last block as wide as the outputs, global average pool.  Lin, Chen, Yan 2013, arXiv:1312.4400.</summary>
[Named("nin")]
public sealed class Nin(Nin.Options options) : Model
{
    /// <param name="Stem">imageNet: 11 x 11 of stride 4 first; cifar: 5 x 5 kernels of 192, 160 and 96 channels.</param>
    /// <param name="Dropout">Before later blocks.</param>
    public sealed record Options(Stem Stem = Stem.Cifar, [property: Range(0.0, 1.0, MaximumIsExclusive = true)] float Dropout = 0.5f);

    public override Layer Build(Shape input, int outputs) => new Sequential(options.Stem == Stem.Cifar
        ? [Block(192, 160, 96, 5, 1, 2), Convolutions.MaxPool(3, 2, 1), new Dropout(new(options.Dropout)), Block(192, 192, 192, 5, 1, 2), Convolutions.MaxPool(3, 2, 1), new Dropout(new(options.Dropout)),
            Block(192, 192, outputs, 3, 1, 1), new GlobalAveragePool()]
        : [Block(96, 96, 96, 11, 4, 0), Convolutions.MaxPool(3, 2), Block(256, 256, 256, 5, 1, 2), Convolutions.MaxPool(3, 2), Block(384, 384, 384, 3, 1, 1), Convolutions.MaxPool(3, 2), new Dropout(new(options.Dropout)),
            Block(outputs, outputs, outputs, 3, 1, 1), new GlobalAveragePool()]);

    private static NinBlock Block(int first, int second, int third, int kernel, int stride, int padding) => new(new(third, kernel) { First = first, Second = second, Stride = stride, Padding = padding });
}
