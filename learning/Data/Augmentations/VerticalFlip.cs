using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Mirrors top and bottom, for a share of the images.</summary>
[Named("verticalFlip")]
public sealed class VerticalFlip(VerticalFlip.Options options) : Augmentation
{
    /// <param name="Share">The probability.</param>
    public sealed record Options([property: Range(0.0, 1.0)] double Share = 0.5);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        if (!(random.NextUniform() < options.Share)) return;
        sample.Replace(sample.Height, sample.Width,
            static (s, to) =>
            {
                for (var c = 0; c < s.Channels; c++)
                    for (var y = 0; y < s.Height; y++) s.Plane(c).Slice((s.Height - 1 - y) * s.Width, s.Width).CopyTo(to[((c * s.Height + y) * s.Width)..]);
            },
            static (s, to) =>
            {
                for (var y = 0; y < s.Height; y++) s.Classes.Slice((s.Height - 1 - y) * s.Width, s.Width).CopyTo(to[(y * s.Width)..]);
            });
    }
}
