namespace DistTrain.Kernels;

/// <summary>Inverted dropout.  keep = Philox uniform &gt;= probability;  y = keep ? x / (1 - probability) : 0.</summary>
/// <remarks>The mask is a pure function: counter (global sample index, element within the sample), key (seed, step, layer path hash, use index); it is drawn again in the backward pass, never stored.</remarks>
public interface IDropout : IOp
{
    /// <param name="sampleIndexes">int [samples]: the data set index of each sample.</param>
    /// <param name="x">[samples, elementsPerSample]; y likewise, overwritten; y may be x. The backward pass is the same call on dy.</param>
    void Apply(ulong key, float probability, int elementsPerSample, View sampleIndexes, View x, View y);
}
