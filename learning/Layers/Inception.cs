using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Four branches side by side, all rectified: 1 x 1; 1 x 1 then 3 x 3; 1 x 1 then 5 x 5; 3 x 3 maximum then 1 x 1.  x [C, H, W]  y [one + three + five + pooled, H, W].  Szegedy et al. 2014, arXiv:1409.4842.</summary>
[Named("inception")]
public sealed class Inception(Inception.Options options) : Composed
{
    /// <param name="One">Channels of the 1 x 1 branch.</param>
    /// <param name="BeforeThree">Channels before the 3 x 3 convolution.</param>
    /// <param name="Three">Channels of the 3 x 3 branch.</param>
    /// <param name="BeforeFive">Channels before the 5 x 5 convolution.</param>
    /// <param name="Five">Channels of the 5 x 5 branch.</param>
    /// <param name="Pooled">Channels of the branch with the maximum.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int One, [property: Range(1, 1 << 20)] int BeforeThree, [property: Range(1, 1 << 20)] int Three,
        [property: Range(1, 1 << 20)] int BeforeFive, [property: Range(1, 1 << 20)] int Five, [property: Range(1, 1 << 20)] int Pooled);

    protected override Layer Compose(LayerBuilder build, Shape input) => new Concat(new()
    {
        Branches =
        [
            new Sequential([.. Convolutions.Rectified(options.One, 1)]),
            new Sequential([.. Convolutions.Rectified(options.BeforeThree, 1), .. Convolutions.Rectified(options.Three, 3, 1, 1)]),
            new Sequential([.. Convolutions.Rectified(options.BeforeFive, 1), .. Convolutions.Rectified(options.Five, 5, 1, 2)]),
            new Sequential([Convolutions.MaxPool(3, 1, 1), .. Convolutions.Rectified(options.Pooled, 1)]),
        ],
    });
}
