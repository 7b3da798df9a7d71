namespace DistTrain.Kernels;

/// <summary>loss = Σ rows -log softmax(logits)[label] · scale, one pass with its gradient (softmax - onehot) · scale.</summary>
/// <remarks>
/// Row maximum, own exp and log, 16-lane sums with the fixed fold. Rows are sample-major. With label smoothing s the target is
/// (1 - s)·onehot + s / classes: loss = ln Σe^(x - max) - (1 - s)·(x[label] - max) - s / classes · Σ(x - max).
/// Labels are validated where data is read; a label outside [0, classes) is refused here too, because it would address foreign memory.
/// </remarks>
public interface ISoftmaxCrossEntropy : IOp
{
    /// <param name="logits">[rows, classes].</param>
    /// <param name="labels">int [rows].</param>
    /// <param name="scale">1 / n of the whole step.</param>
    /// <param name="dLogits">[rows, classes], overwritten; absent when only the loss is wanted; may be logits.</param>
    /// <param name="metrics">[0] += the tree of scaled losses, [1] += rows whose argmax (lowest index on ties) is the label. Tree as <see cref="Segments"/>.</param>
    void Forward(Segments segments, int rowsPerSample, int classes, View logits, View labels, float scale, float labelSmoothing, View dLogits, View metrics);
}

/// <inheritdoc cref="ISoftmaxCrossEntropy"/>
public sealed unsafe class SoftmaxCrossEntropyReference(CpuDevice device) : ISoftmaxCrossEntropy
{
    public void Forward(Segments segments, int rowsPerSample, int classes, View logits, View labels, float scale, float labelSmoothing, View dLogits, View metrics)
    {
        SoftmaxCrossEntropyCpu.ExpectArguments(segments, rowsPerSample, classes, logits, labels, labelSmoothing, dLogits, metrics);
        var rows = segments.Samples * rowsPerSample;
        var losses = device.SharedScratch(rows);
        var correct = 0;
        for (var row = 0; row < rows; row++)
        {
            var gradient = dLogits.IsNone ? null : dLogits.Floats() + (long)row * classes;
            losses[row] = Row(logits.Floats() + (long)row * classes, classes, labels.Ints()[row], labelSmoothing, scale, gradient, ref correct);
        }
        metrics.Floats()[0] += SegmentFold.Rows(segments, rowsPerSample, losses);
        metrics.Floats()[1] += correct;
    }

    private static float Row(float* x, int classes, int label, float smoothing, float scale, float* gradient, ref int correct)
    {
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        lanes.Fill(float.NegativeInfinity);
        for (var i = 0; i < classes; i++) lanes[i % 16] = x[i] > lanes[i % 16] ? x[i] : lanes[i % 16];
        var max = LaneFold.Max(lanes);

        lanes.Clear();
        for (var i = 0; i < classes; i++) lanes[i % 16] += Exp(x[i] - max);
        var sum = LaneFold.Sum(lanes);

        lanes.Clear();
        for (var i = 0; i < classes; i++) lanes[i % 16] += x[i] - max;
        var shifted = LaneFold.Sum(lanes);

        var argmax = 0;
        while (argmax < label && x[argmax] != max) argmax++;
        if (argmax == label && x[label] == max) correct++;

        var (everywhere, atLabel) = (smoothing / classes, 1 - smoothing + smoothing / classes);
        var loss = Lane.Log(Lane1.Of(sum)).Value - (1 - smoothing) * (x[label] - max);
        if (smoothing != 0) loss -= everywhere * shifted;
        if (gradient != null)
            for (var i = 0; i < classes; i++) gradient[i] = (Exp(x[i] - max) / sum - (i == label ? atLabel : everywhere)) * scale;
        return loss * scale;
    }

    private static float Exp(float x) => Lane.Exp(Lane1.Of(x)).Value;
}
