using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>x' = x + s, held in [0, 1]: a shift for each channel, drawn evenly from [-by, by].</summary>
[Named("colorShift")]
public sealed class ColorShift(ColorShift.Options options) : Augmentation
{
    /// <param name="By">Largest shift.</param>
    public sealed record Options([property: Range(0.0, 1.0)] double By = 0.1);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        for (var c = 0; c < sample.Channels; c++)
        {
            var shift = (float)options.By * random.NextUniform(-1f, 1f);
            foreach (ref var x in sample.Plane(c)) x = Math.Clamp(x + shift, 0f, 1f);
        }
    }
}
