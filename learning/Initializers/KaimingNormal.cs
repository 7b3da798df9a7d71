using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ N(0, s²), s = √(2 / ((1 + a²)·fan)).  He, Zhang, Ren, Sun 2015, doi:10.1109/ICCV.2015.123.</summary>
[Named("kaimingNormal")]
public sealed class KaimingNormal(KaimingNormal.Options options) : Initializer
{
    /// <param name="A">Slope below zero of the activation that follows: 0 for ReLU.</param>
    /// <param name="Mode">Which connections count.</param>
    public sealed record Options([property: Range(0.0, 1e6)] double A = 0.0, FanMode Mode = FanMode.FanIn);

    public override void Fill(Span<float> values, Fan fan, ulong key) =>
        RandomFill.Normal(values, key, 0f, (float)Math.Sqrt(2.0 / ((1.0 + options.A * options.A) * (options.Mode == FanMode.FanIn ? fan.In : fan.Out))));
}
