namespace DistTrain.Learning;

/// <summary>
/// Moves running statistics once for a committed step, as PyTorch's batch norm does, m its momentum:
/// r &lt;- (1 - m)·r + m·b, b the step's mean and unbiased variance M2 / (n - 1). Fewer than two values leave a channel alone.
/// </summary>
public static class MomentsUpdate
{
    public const float Momentum = 0.1f;

    /// <summary>Statistics of nothing yet: 0 updates, mean 0, variance 1.</summary>
    public static void Reset(Span<float> running)
    {
        for (var i = 0; i < running.Length; i++) running[i] = i % 3 == 2 ? 1f : 0f;
    }

    /// <param name="running">Triples (updates, mean, variance), whole channels; updated in place.</param>
    /// <param name="moments">Triples (count, mean, M2) of the step, the same channels.</param>
    /// <param name="momentum">Weight of the new value, m.</param>
    public static void Apply(Span<float> running, ReadOnlySpan<float> moments, float momentum = Momentum)
    {
        if (running.Length % 3 != 0 || moments.Length != running.Length)
            throw new ArgumentException($"running has {running.Length} elements and moments {moments.Length}. Both must be the same whole triples.", nameof(running));
        for (var i = 0; i < running.Length; i += 3)
        {
            var count = moments[i];
            if (count < 2f) continue;
            running[i] += 1f;
            running[i + 1] = (1f - momentum) * running[i + 1] + momentum * moments[i + 1];
            running[i + 2] = (1f - momentum) * running[i + 2] + momentum * (moments[i + 2] / (count - 1f));
        }
    }
}
