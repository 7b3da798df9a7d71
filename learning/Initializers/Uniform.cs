using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ U[low, high).</summary>
[Named("uniform")]
public sealed class Uniform(Uniform.Options options) : Initializer
{
    /// <param name="High">Upper end.</param>
    /// <param name="Low">Lower end; not given: -high.</param>
    public sealed record Options([property: Range(-1e30, 1e30)] float High = 0.1f, [property: Range(-1e30, 1e30)] float? Low = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if ((Low ?? -High) > High) yield return new($"is {Low ?? -High}, above high = {High}. It must be at most high.", [nameof(Low)]);
        }
    }

    public override void Fill(Span<float> values, Fan fan, ulong key) => RandomFill.Uniform(values, key, options.Low ?? -options.High, options.High);
}
