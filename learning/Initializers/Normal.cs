using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ N(mean, std²).</summary>
[Named("normal")]
public sealed class Normal(Normal.Options options) : Initializer
{
    /// <param name="Std">Standard deviation.</param>
    /// <param name="Mean">Mean.</param>
    public sealed record Options([property: Range(0.0, 1e30)] float Std = 0.01f, [property: Range(-1e30, 1e30)] float Mean = 0f);

    public override void Fill(Span<float> values, Fan fan, ulong key) => RandomFill.Normal(values, key, options.Mean, options.Std);
}
