using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Random Fourier features: y_i = √(2/D)·cos(⟨w_i, x⟩ + b_i), w_i of N(0, 2·gamma) in every element, b_i of [0, 2π): ⟨y(x), y(z)⟩ is exp(-gamma·‖x - z‖²) in the mean, with an error of about 1/√D. A linear model behind
/// it is a kernel machine whose cost does not grow with the samples.  Rahimi, Recht 2007.
/// </summary>
[Named("fourierFeatures")]
public sealed class FourierFeatures(FourierFeatures.Options options) : Transform
{
    /// <param name="Features">D.</param>
    /// <param name="Gamma">Not given: 1 / (features · variance of the training set's feature values).</param>
    /// <param name="Seed">Of the directions and phases.</param>
    public sealed record Options(
        [property: Range(1, 1 << 16)] int Features = 256,
        [property: Range(0.0, 1e9, MinimumIsExclusive = true)] double? Gamma = null,
        [property: Range(0.0, 9007199254740992.0)] long Seed = 1);

    public override FittedTransform Fit(Dataset train)
    {
        var (width, count) = (train.InputShape.Length, options.Features);
        var deviation = Math.Sqrt(2 * (options.Gamma ?? KernelFunction.ScaledGamma(train)));
        var (directions, phases) = (new double[count][], new double[count]);
        for (var i = 0; i < count; i++)
        {
            var random = new RandomStream((ulong)options.Seed, (ulong)i);
            phases[i] = 2 * Math.PI * random.NextUniform();
            directions[i] = new double[width];
            for (var k = 0; k < width; k++) directions[i][k] = deviation * random.NextNormal();
        }
        var scale = Math.Sqrt(2.0 / count);
        return new FittedTransform(new Shape(count), (x, y) =>
        {
            for (var i = 0; i < count; i++)
            {
                var (direction, angle) = (directions[i], phases[i]);
                for (var k = 0; k < width; k++) angle += direction[k] * x[k];
                y[i] = (float)(scale * Scalar64.Cos(angle));
            }
        }) { IsWork = true };
    }
}
