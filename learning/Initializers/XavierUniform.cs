using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ U[-b, b), b = gain·√(6 / (in + out)).  Glorot and Bengio 2010.</summary>
[Named("xavierUniform")]
public sealed class XavierUniform(XavierUniform.Options options) : Initializer
{
    /// <param name="Gain">1 for linear and sigmoid units; for tanh 5/3 (PyTorch) or 4 (some lecture notes).</param>
    public sealed record Options([property: Range(0.0, 1e6)] double Gain = 1.0);

    public override void Fill(Span<float> values, Fan fan, ulong key)
    {
        var bound = (float)(options.Gain * Math.Sqrt(6.0 / ((double)fan.In + fan.Out)));
        RandomFill.Uniform(values, key, -bound, bound);
    }
}
