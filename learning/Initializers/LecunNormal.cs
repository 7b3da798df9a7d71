using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ N(0, s²), s = gain·√(1 / in): keeps the variance of linear and SELU units.  LeCun et al. 1998, doi:10.1007/3-540-49430-8_2.</summary>
[Named("lecunNormal")]
public sealed class LecunNormal(LecunNormal.Options options) : Initializer
{
    /// <param name="Gain">Multiplies the deviation.</param>
    public sealed record Options([property: Range(0.0, 1e6)] double Gain = 1.0);

    public override void Fill(Span<float> values, Fan fan, ulong key) => RandomFill.Normal(values, key, 0f, (float)(options.Gain * Math.Sqrt(1.0 / fan.In)));
}
