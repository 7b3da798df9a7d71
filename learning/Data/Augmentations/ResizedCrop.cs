using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Cuts a part of a random area and shape out and resizes it; a test image is resized whole. Szegedy et al. 2014, arXiv:1409.4842: 8 to 100 % of the area, sides 3/4 to 4/3.</summary>
[Named("resizedCrop")]
public sealed class ResizedCrop(ResizedCrop.Options options) : Augmentation
{
    private const int Tries = 10;

    /// <param name="Size">Height and width of the result; not given: the image's own.</param>
    /// <param name="LeastArea">Least share of the image's area; the most is all of it.</param>
    /// <param name="LeastAspect">Least width over height of the part.</param>
    /// <param name="MostAspect">Most width over height of the part.</param>
    public sealed record Options(
        [property: Range(1, 1 << 14)] Pair? Size = null,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double LeastArea = 0.1,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double LeastAspect = 0.5,
        [property: Range(1.0, 1e3)] double MostAspect = 2.0);

    public override Shape Result(Shape image) => options.Size is { } size ? new Shape(image[0], size.Y, size.X) : image;

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        var size = options.Size ?? new Pair(sample.Height, sample.Width);
        // Shapes are drawn evenly on the logarithm, so that 1:2 is as likely as 2:1.
        var (low, high) = (Scalar64.Log(options.LeastAspect), Scalar64.Log(options.MostAspect));
        for (var t = 0; t < Tries; t++)
        {
            var area = (options.LeastArea + (1 - options.LeastArea) * random.NextUniform()) * sample.Height * sample.Width;
            var aspect = Scalar64.Exp(low + (high - low) * random.NextUniform());
            var (height, width) = (Math.Sqrt(area / aspect), Math.Sqrt(area * aspect));
            if (height > sample.Height || width > sample.Width) continue;
            var top = random.NextUniform() * (sample.Height - height);
            sample.Crop(top, random.NextUniform() * (sample.Width - width), height, width, size.Y, size.X);
            return;
        }
        ApplyToTest(sample);
    }

    public override void ApplyToTest(AugmentedSample sample)
    {
        var size = options.Size ?? new Pair(sample.Height, sample.Width);
        if ((size.Y, size.X) != (sample.Height, sample.Width)) sample.Crop(0, 0, sample.Height, sample.Width, size.Y, size.X);
    }
}
