using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Brings images to a size: bilinear, antialiased where it shrinks; classes of pixels by the nearest. Training and test images alike.</summary>
[Named("resize")]
public sealed class Resize(Resize.Options options) : Augmentation
{
    /// <param name="Size">Height and width.</param>
    public sealed record Options([property: Range(1, 1 << 14)] Pair Size);

    public override Shape Result(Shape image) => new(image[0], options.Size.Y, options.Size.X);

    public override void Apply(AugmentedSample sample, ref RandomStream random) => ApplyToTest(sample);

    public override void ApplyToTest(AugmentedSample sample)
    {
        if ((options.Size.Y, options.Size.X) != (sample.Height, sample.Width)) sample.Crop(0, 0, sample.Height, sample.Width, options.Size.Y, options.Size.X);
    }
}
