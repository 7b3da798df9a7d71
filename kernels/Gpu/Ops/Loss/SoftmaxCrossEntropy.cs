using ILGPU;

namespace DistTrain.Kernels;

/// <summary>ISoftmaxCrossEntropy on an accelerator: a team of sixteen threads for each row, then the sum over segments.</summary>
/// <remarks>Labels lie on the device and are not read back: a label outside [0, classes) makes its row's loss NaN, so that the step is refused, and addresses nothing.</remarks>
public sealed class SoftmaxCrossEntropyGpu(GpuDevice device) : ISoftmaxCrossEntropy
{
    private readonly GpuKernel<Arguments> _rows = new(device, RowsKernel);
    private readonly SegmentSums _sums = new(device);

    /// <summary>Logits, Gradient [Rows, Classes]; Labels [Rows]; Results [Rows, 2]: loss and hit, overwritten.</summary>
    public readonly record struct Arguments(
        ArrayView<float> Logits, ArrayView<int> Labels, ArrayView<float> Gradient, ArrayView<float> Results,
        float Scale, float Everywhere, float AtLabel, float Label, int HasSmoothing, int HasGradient, int Classes, int Rows);

    public void Forward(Segments segments, int rowsPerSample, int classes, View logits, View labels, float scale, float labelSmoothing, View dLogits, View metrics)
    {
        SoftmaxCrossEntropyCpu.ExpectShapes(segments, rowsPerSample, classes, logits, labels, labelSmoothing, dLogits, metrics);
        var rows = segments.Samples * rowsPerSample;
        var reserve = 2L * rows;
        // The sum's plan comes first: it may grow the working memory that the rows' results lie in.
        _ = _sums.Begin(segments, rowsPerSample, 2, reserve);
        var results = device.Scratch(reserve).SubView(0, reserve);
        _rows.LaunchTeams(rows, new(GpuBuffer.Of(logits), GpuBuffer.IntsOf(labels), GpuBuffer.Of(dLogits), results, scale, labelSmoothing / classes,
            1 - labelSmoothing + labelSmoothing / classes, 1 - labelSmoothing, labelSmoothing != 0 ? 1 : 0, dLogits.IsNone ? 0 : 1, classes, rows));
        _sums.Columns(segments, rowsPerSample, 2, results, GpuBuffer.Of(metrics), add: true, reserve);
    }

    private static void RowsKernel(Arguments a)
    {
        var shared = Team.Memory();
        var row = Team.Index;
        var inside = row < a.Rows;
        var from = inside ? (long)row * a.Classes : 0;
        var label = inside ? a.Labels[row] : 0;
        var known = label >= 0 && label < a.Classes;
        var classes = inside ? a.Classes : 0;
        // Read before any thread overwrites the row with its gradient.
        var atTarget = known ? a.Logits[from + label] : float.NaN;

        var largest = float.NegativeInfinity;
        for (var i = Team.Lane; i < classes; i += Team.Lanes)
        {
            var x = a.Logits[from + i];
            if (x > largest) largest = x;
        }
        var max = Team.Max(shared, largest);

        var (exponentials, shifts, earlier) = (0f, 0f, 0f);
        for (var i = Team.Lane; i < classes; i += Team.Lanes)
        {
            var x = a.Logits[from + i];
            exponentials += Lane.Exp(Lane1.Of(x - max)).Value;
            shifts += x - max;
            if (i < label && x == max) earlier += 1f;
        }
        var sum = Team.Sum(shared, exponentials);
        var shifted = Team.Sum(shared, shifts);
        var ties = Team.Sum(shared, earlier);
        if (!inside) return;

        if (Team.Lane == 0)
        {
            var loss = Lane.Log(Lane1.Of(sum)).Value - a.Label * (atTarget - max);
            if (a.HasSmoothing != 0) loss = loss - a.Everywhere * shifted;
            a.Results[2L * row] = loss * a.Scale;
            a.Results[2L * row + 1] = atTarget == max && ties == 0f ? 1f : 0f;
        }
        if (a.HasGradient == 0) return;
        for (var i = Team.Lane; i < classes; i += Team.Lanes)
        {
            var target = i == label ? a.AtLabel : a.Everywhere;
            a.Gradient[from + i] = (Lane.Exp(Lane1.Of(a.Logits[from + i] - max)).Value / sum - target) * a.Scale;
        }
    }
}
