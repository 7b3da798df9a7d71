using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Pads with black (class 0) and cuts a part of a fixed size out, wherever; a test image has its middle cut out, without padding where that is large enough. He et al. 2015, section 4.2: 4 pixels around 32 x 32.</summary>
[Named("crop")]
public sealed class RandomCrop(RandomCrop.Options options) : Augmentation
{
    /// <param name="Size">Height and width of the part; not given: the image's own.</param>
    /// <param name="Padding">Pixels added at every edge first.</param>
    public sealed record Options([property: Range(1, 1 << 14)] Pair? Size = null, [property: Range(0, 1 << 12)] int Padding = 0);

    public override Shape Result(Shape image)
    {
        var size = options.Size ?? new Pair(image[1], image[2]);
        return size.Y <= image[1] + 2 * options.Padding && size.X <= image[2] + 2 * options.Padding ? new Shape(image[0], size.Y, size.X)
            : throw new ShapeException($"crop cuts {size.Y} x {size.X} out of images of {image[1]} x {image[2]} with {options.Padding} pixels around them. Use a smaller size, more padding, or resize first.");
    }

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        var size = options.Size ?? new Pair(sample.Height, sample.Width);
        var top = random.Next(sample.Height + 2 * options.Padding - size.Y + 1) - options.Padding;
        Cut(sample, size, top, random.Next(sample.Width + 2 * options.Padding - size.X + 1) - options.Padding);
    }

    public override void ApplyToTest(AugmentedSample sample)
    {
        var size = options.Size ?? new Pair(sample.Height, sample.Width);
        Cut(sample, size, (sample.Height - size.Y) / 2, (sample.Width - size.X) / 2);
    }

    private static void Cut(AugmentedSample sample, Pair size, int top, int left) => sample.Replace(size.Y, size.X,
        (s, to) =>
        {
            for (var c = 0; c < s.Channels; c++) Copy<float>(s.Plane(c), s.Height, s.Width, to.Slice(c * size.Y * size.X, size.Y * size.X), size, top, left);
        },
        (s, to) => Copy<int>(s.Classes, s.Height, s.Width, to, size, top, left));

    private static void Copy<T>(ReadOnlySpan<T> from, int height, int width, Span<T> to, Pair size, int top, int left)
    {
        to.Clear();
        var (first, last) = (Math.Max(0, -left), Math.Min(size.X, width - left));
        for (var y = Math.Max(0, -top); y < Math.Min(size.Y, height - top); y++)
            if (last > first) from.Slice((y + top) * width + left + first, last - first).CopyTo(to[(y * size.X + first)..]);
    }
}
