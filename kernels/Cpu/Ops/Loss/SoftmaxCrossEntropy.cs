namespace DistTrain.Kernels;

/// <summary>loss = Σ rows -log softmax(logits)[label] · scale, one pass with its gradient (softmax - onehot) · scale.</summary>
/// <remarks>Row maximum, own exp and log, 16-lane sums with the fixed fold. Rows are sample-major.</remarks>
public interface ISoftmaxCrossEntropy : IOp
{
    /// <param name="logits">[rows, classes].</param>
    /// <param name="labels">int [rows].</param>
    /// <param name="scale">1 / n of the whole step.</param>
    /// <param name="dLogits">[rows, classes], overwritten; absent when only the loss is wanted.</param>
    /// <param name="metrics">[0] += the tree of scaled losses, [1] += rows whose argmax (lowest index on ties) is the label. Tree as <see cref="Segments"/>.</param>
    void Forward(Segments segments, int rowsPerSample, int classes, View logits, View labels, float scale, float labelSmoothing, View dLogits, View metrics);
}
