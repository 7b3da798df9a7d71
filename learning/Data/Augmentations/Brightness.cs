using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>x' = f·x, held in [0, 1], f drawn evenly from [1 - by, 1 + by].</summary>
[Named("brightness")]
public sealed class Brightness(Brightness.Options options) : Augmentation
{
    /// <param name="By">Largest change.</param>
    public sealed record Options([property: Range(0.0, 1.0)] double By = 0.4);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        var factor = 1f + (float)options.By * random.NextUniform(-1f, 1f);
        foreach (ref var x in sample.Image) x = Math.Clamp(factor * x, 0f, 1f);
    }
}
