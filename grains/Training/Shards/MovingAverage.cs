using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>
/// One update per step of running statistics from the step's folded triples (count n, mean, M2): updates += 1;
/// mean &lt;- 0.9·mean + 0.1·batch mean; variance &lt;- 0.9·variance + 0.1·M2/(n - 1). A channel with fewer than two values stays as it is.
/// </summary>
public static class MovingAverage
{
    /// <summary>Weight of the new value, as PyTorch's default.</summary>
    public const float Momentum = 0.1f;

    /// <param name="weights">Triples (updates, running mean, running variance); updated in place.</param>
    /// <param name="moments">Triples (count, mean, M2) of the whole step.</param>
    public static void Apply(Device device, Slice slice, View weights, View moments)
    {
        if (slice.Length % 3 != 0) throw new ArgumentException($"slice {slice.Name} has {slice.Length} elements. Moments come in triples: it must be a multiple of 3.", nameof(slice));
        var w = weights.AsSpan();
        var g = moments.AsSpan();
        for (var i = 0; i < w.Length; i += 3)
        {
            var count = g[i];
            if (count < 2) continue;
            w[i] += 1;
            w[i + 1] = (1 - Momentum) * w[i + 1] + Momentum * g[i + 1];
            w[i + 2] = (1 - Momentum) * w[i + 2] + Momentum * (g[i + 2] / (count - 1));
        }
    }
}
