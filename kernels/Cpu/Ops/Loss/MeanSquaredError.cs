namespace DistTrain.Kernels;

/// <summary>loss = Σ (y - target)² · scale with its gradient 2 · (y - target) · scale.</summary>
public interface IMeanSquaredError : IOp
{
    /// <param name="y">[samples, elementsPerSample].</param>
    /// <param name="scale">1 / (n · elementsPerSample) of the whole step.</param>
    /// <param name="metrics">[0] += the tree over segments.</param>
    void Forward(Segments segments, int elementsPerSample, View y, View target, float scale, View dy, View metrics);
}
