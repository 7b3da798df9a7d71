using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>x' = g + f·(x - g), held in [0, 1]: g the pixel's grey (0.299 R + 0.587 G + 0.114 B), f drawn evenly from [1 - by, 1 + by]. Grey images stay.</summary>
[Named("saturation")]
public sealed class Saturation(Saturation.Options options) : Augmentation
{
    /// <param name="By">Largest change.</param>
    public sealed record Options([property: Range(0.0, 1.0)] double By = 0.4);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        var factor = 1f + (float)options.By * random.NextUniform(-1f, 1f);
        if (sample.Channels != 3) return;
        for (var i = 0; i < sample.Height * sample.Width; i++)
        {
            var grey = Grey(sample, i);
            for (var c = 0; c < 3; c++)
            {
                ref var x = ref sample.Plane(c)[i];
                x = Math.Clamp(MathF.FusedMultiplyAdd(factor, x - grey, grey), 0f, 1f);
            }
        }
    }

    /// <summary>What a pixel is without its colour. Rec. 601.</summary>
    internal static float Grey(AugmentedSample sample, int pixel) => sample.Channels != 3 ? sample.Image[pixel]
        : MathF.FusedMultiplyAdd(0.299f, sample.Plane(0)[pixel], MathF.FusedMultiplyAdd(0.587f, sample.Plane(1)[pixel], 0.114f * sample.Plane(2)[pixel]));
}
