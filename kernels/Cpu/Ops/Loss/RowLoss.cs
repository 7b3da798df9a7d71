namespace DistTrain.Kernels;

/// <summary>A loss of one whole row: the scores of one sample's classes, an embedding triplet, an image. Plain arithmetic in a fixed order, the same on every body.</summary>
public unsafe interface IRowLossFunction
{
    /// <summary>The loss has weights of its own: the op adds them to the metrics and the caller divides by their sum.</summary>
    bool IsWeighted { get; }

    /// <param name="y">Element i lies at y[i · stride].</param>
    /// <param name="target">Of this row: floats, or int32 labels.</param>
    /// <param name="dy">Laid out as y, overwritten with the gradient · scale; null when only the loss is wanted.</param>
    /// <param name="weight">What this row counts; 1 where nothing is weighted.</param>
    /// <param name="correct">The prediction is right.</param>
    /// <returns>The loss of the row, not scaled.</returns>
    float Row(float* y, int length, int stride, float* target, float scale, float* dy, out float weight, out bool correct);
}

/// <summary>loss = Σ over rows of a function of the row · scale, with its gradient.</summary>
/// <remarks>Rows are sample-major. Values with the classes before the positions ([classes, rows] in a sample) are read with a stride.</remarks>
public interface IRowLoss<TFunction> : IOp where TFunction : struct, IRowLossFunction
{
    /// <param name="length">Elements of a row.</param>
    /// <param name="classesFirst">A sample is [length, rowsPerSample], not [rowsPerSample, length].</param>
    /// <param name="y">[samples, rowsPerSample, length] or [samples, length, rowsPerSample].</param>
    /// <param name="target">[samples, rowsPerSample, any]; not read where it is absent.</param>
    /// <param name="dy">As y, overwritten; absent when only the loss is wanted; must not be y.</param>
    /// <param name="metrics">[0] += the tree of scaled losses, [1] += correct rows, [3] += the tree of weights of a weighted function.</param>
    void Forward(TFunction function, Segments segments, int rowsPerSample, int length, bool classesFirst, View y, View target, float scale, View dy, View metrics);
}

/// <inheritdoc cref="IRowLoss{TFunction}"/>
public sealed class RowLossReference<TFunction>(CpuDevice device) : IRowLoss<TFunction> where TFunction : struct, IRowLossFunction
{
    public void Forward(TFunction function, Segments segments, int rowsPerSample, int length, bool classesFirst, View y, View target, float scale, View dy, View metrics) =>
        RowLossCpu<TFunction>.Forward(device, 1, function, segments, rowsPerSample, length, classesFirst, y, target, scale, dy, metrics);
}

/// <inheritdoc cref="IRowLoss{TFunction}"/>
/// <remarks>The reference's loops; threads share the rows.</remarks>
public sealed unsafe class RowLossCpu<TFunction>(CpuDevice device) : IRowLoss<TFunction> where TFunction : struct, IRowLossFunction
{
    public void Forward(TFunction function, Segments segments, int rowsPerSample, int length, bool classesFirst, View y, View target, float scale, View dy, View metrics) =>
        Forward(device, Stretch.Parts(device, segments.Samples * rowsPerSample, 16L * length), function, segments, rowsPerSample, length, classesFirst, y, target, scale, dy, metrics);

    internal static void Forward(CpuDevice device, int parts, TFunction function, Segments segments, int rowsPerSample, int length, bool classesFirst, View y, View target, float scale, View dy, View metrics)
    {
        OperandCheck.Positive("rowLoss", "rowsPerSample", rowsPerSample);
        OperandCheck.Positive("rowLoss", "length", length);
        OperandCheck.Shape("rowLoss", "y", y, segments.Samples, rowsPerSample, length);
        OperandCheck.ShapeOrAbsent("rowLoss", "dy", dy, segments.Samples, rowsPerSample, length);
        var rows = segments.Samples * rowsPerSample;
        if (target.Length % rows != 0) throw new ArgumentException($"rowLoss: target has {target.Length} elements; it must have a whole number for each of {rows} rows.", nameof(target));
        if (metrics.Length < 4) throw new ArgumentException($"metrics has {metrics.Length} elements; it needs at least 4: loss, correct, samples, weight.", nameof(metrics));
        var losses = device.SharedScratch(3L * rows);
        var weights = losses + rows;
        var correct = losses + 2L * rows;
        var job = new Job(function, rows, rowsPerSample, length, classesFirst, parts, y.Floats(), target.IsNone ? null : target.Floats(), target.Length / rows, scale, dy.IsNone ? null : dy.Floats(), losses, weights, correct);
        device.Run(ref job, parts);
        var figures = metrics.Floats();
        figures[0] += SegmentFold.Rows(segments, rowsPerSample, losses);
        for (var row = 0; row < rows; row++) figures[1] += correct[row];
        if (function.IsWeighted) figures[3] += SegmentFold.Rows(segments, rowsPerSample, weights);
    }

    private readonly struct Job(TFunction function, int rows, int rowsPerSample, int length, bool classesFirst, int parts, float* y, float* target, int targetLength, float scale, float* dy, float* losses, float* weights, float* correct)
        : IParallelJob
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, rows);
            for (var row = start; row < end; row++)
            {
                var (sample, within) = (row / rowsPerSample, row % rowsPerSample);
                var at = classesFirst ? (long)sample * rowsPerSample * length + within : (long)row * length;
                var loss = function.Row(y + at, length, classesFirst ? rowsPerSample : 1, target == null ? null : target + (long)row * targetLength, scale, dy == null ? null : dy + at, out var weight, out var right);
                (losses[row], weights[row], correct[row]) = (loss * scale, weight, right ? 1f : 0f);
            }
        }
    }
}
