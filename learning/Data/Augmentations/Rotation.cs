using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Turns the image about its middle by an angle drawn evenly from [-degrees, degrees]; what comes in from outside is black, of class 0.</summary>
[Named("rotation")]
public sealed class Rotation(Rotation.Options options) : Augmentation
{
    /// <param name="Degrees">Largest angle either way.</param>
    public sealed record Options([property: Range(0.0, 180.0)] double Degrees = 15);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        var angle = options.Degrees * random.NextUniform(-1f, 1f) * (3.14159265358979323846 / 180);
        var (cos, sin) = ((float)Scalar64.Cos(angle), (float)Scalar64.Sin(angle));
        sample.Warp(cos, -sin, sin, cos);
    }
}
