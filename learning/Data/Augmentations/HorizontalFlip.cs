using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Mirrors left and right, for a share of the images.</summary>
[Named("horizontalFlip")]
public sealed class HorizontalFlip(HorizontalFlip.Options options) : Augmentation
{
    /// <param name="Share">The probability.</param>
    public sealed record Options([property: Range(0.0, 1.0)] double Share = 0.5);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        if (!(random.NextUniform() < options.Share)) return;
        for (var row = 0; row < sample.Channels * sample.Height; row++) sample.Image.Slice(row * sample.Width, sample.Width).Reverse();
        if (!sample.HasClasses) return;
        for (var row = 0; row < sample.Height; row++) sample.Classes.Slice(row * sample.Width, sample.Width).Reverse();
    }
}
