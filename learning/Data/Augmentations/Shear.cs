using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Shifts rows against each other: x = x' + f·y' about the middle, f drawn evenly from [-by, by]; what comes in from outside is black, of class 0.</summary>
[Named("shear")]
public sealed class Shear(Shear.Options options) : Augmentation
{
    /// <param name="By">Largest shift of a row by its distance from the middle.</param>
    public sealed record Options([property: Range(0.0, 10.0)] double By = 0.2);

    public override void Apply(AugmentedSample sample, ref RandomStream random) => sample.Warp(1f, 0f, (float)options.By * random.NextUniform(-1f, 1f), 1f);
}
