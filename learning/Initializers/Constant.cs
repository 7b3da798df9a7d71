using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>w = value.</summary>
[Named("constant")]
public sealed class Constant(Constant.Options options) : Initializer
{
    /// <param name="Value">Every element.</param>
    public sealed record Options([property: Range(-1e30, 1e30)] float Value = 0f);

    public override void Fill(Span<float> values, Fan fan, ulong key) => values.Fill(options.Value);
}
