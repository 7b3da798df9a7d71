namespace DistTrain.Kernels;

/// <summary>y = (x - mean_c) / sqrt(var_c + epsilon) · gamma_c + beta_c over [N, C, P], P = positions; the group is the segment (micro-batch).</summary>
public interface IBatchNorm : IOp
{
    /// <param name="mean">[segments, C], saved for the backward pass, overwritten.</param>
    /// <param name="inverseStd">[segments, C], saved, overwritten; biased variance.</param>
    /// <param name="moments">[C, 3] = (count, mean, M2), folded over the segments' tree by the exact pairwise rule; overwritten.</param>
    void Forward(Segments segments, int channels, int positions, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd, View moments);

    /// <summary>With running statistics [C, 3] = (updates, mean, variance) instead of the batch's.</summary>
    void ForwardEvaluation(int samples, int channels, int positions, float epsilon, View x, View gamma, View beta, View running, View y);

    /// <summary>dx overwritten; dGamma, dBeta [C] = tree over segments, overwritten.</summary>
    void Backward(Segments segments, int channels, int positions, View x, View gamma, View mean, View inverseStd, View dy, View dx, View dGamma, View dBeta);
}
