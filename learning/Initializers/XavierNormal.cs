using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ N(0, s²), s = gain·√(2 / (in + out)).  Glorot and Bengio 2010.</summary>
[Named("xavierNormal")]
public sealed class XavierNormal(XavierNormal.Options options) : Initializer
{
    /// <param name="Gain">1 for linear and sigmoid units; for tanh 5/3 (PyTorch) or 4 (some lecture notes).</param>
    public sealed record Options([property: Range(0.0, 1e6)] double Gain = 1.0);

    public override void Fill(Span<float> values, Fan fan, ulong key) =>
        RandomFill.Normal(values, key, 0f, (float)(options.Gain * Math.Sqrt(2.0 / ((double)fan.In + fan.Out))));
}
