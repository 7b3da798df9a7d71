using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>x' = m + f·(x - m), held in [0, 1]: m the mean grey of the image, f drawn evenly from [1 - by, 1 + by].</summary>
[Named("contrast")]
public sealed class Contrast(Contrast.Options options) : Augmentation
{
    /// <param name="By">Largest change.</param>
    public sealed record Options([property: Range(0.0, 1.0)] double By = 0.4);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        var factor = 1f + (float)options.By * random.NextUniform(-1f, 1f);
        var sum = 0.0;
        for (var i = 0; i < sample.Height * sample.Width; i++) sum += Saturation.Grey(sample, i);
        var mean = (float)(sum / (sample.Height * sample.Width));
        foreach (ref var x in sample.Image) x = Math.Clamp(MathF.FusedMultiplyAdd(factor, x - mean, mean), 0f, 1f);
    }
}
