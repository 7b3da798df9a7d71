using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>w ~ N(mean, std²) with every value beyond limit·std of the mean drawn again (at most 64 times, then the nearest end): no weight starts far out.</summary>
[Named("truncatedNormal")]
public sealed class TruncatedNormal(TruncatedNormal.Options options) : Initializer
{
    private const int MostDraws = 64;

    /// <param name="Std">Standard deviation before cutting.</param>
    /// <param name="Mean">Centre.</param>
    /// <param name="Limit">How many deviations out is too far.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6)] float Std = 0.02f,
        [property: Range(-1e6, 1e6)] float Mean = 0f,
        [property: Range(0.1, 1e6)] float Limit = 2f);

    public override void Fill(Span<float> values, Fan fan, ulong key)
    {
        var again = new float[values.Length];
        RandomFill.Normal(values, key, 0f, 1f);
        for (var draw = 1; draw <= MostDraws && values.ContainsAnyExceptInRange(-options.Limit, options.Limit); draw++)
        {
            // Every draw is a stream of its own, so what one element takes does not depend on the others.
            RandomFill.Normal(again, RandomKey.Of(key, (ulong)draw, 0), 0f, 1f);
            for (var i = 0; i < values.Length; i++)
                if (!(Math.Abs(values[i]) <= options.Limit)) values[i] = again[i];
        }
        for (var i = 0; i < values.Length; i++) values[i] = options.Mean + options.Std * Math.Clamp(values[i], -options.Limit, options.Limit);
    }
}
