namespace DistTrain.Kernels;

/// <summary>
/// Triplets found inside each segment (micro-batch): for every two samples a, p of one label, n is the nearest sample of another label that is farther from a than p is (semi-hard), or, where none
/// is, the farthest one.  F = Σ max(0, ‖a - p‖² - ‖a - n‖² + margin).  Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832, section 3.2.
/// </summary>
/// <remarks>Distances are FMA chains over the elements; pairs go in order (a, then p); ties take the lowest index. A pair in a segment with one label alone does not count.</remarks>
public interface ISemiHardTriplet : IOp
{
    /// <param name="y">[samples, length].</param>
    /// <param name="labels">int [samples].</param>
    /// <param name="dy">[samples, length], overwritten with the gradient of the sum; absent when only the loss is wanted; must not be y.</param>
    /// <param name="metrics">[0] += the tree of the sums, [1] += samples whose nearest other one in the segment has their label, [3] += the tree of the pairs' counts.</param>
    void Forward(Segments segments, int length, float margin, View y, View labels, View dy, View metrics);
}

/// <inheritdoc cref="ISemiHardTriplet"/>
public sealed class SemiHardTripletReference(CpuDevice device) : ISemiHardTriplet
{
    public void Forward(Segments segments, int length, float margin, View y, View labels, View dy, View metrics) =>
        SemiHardTripletCpu.Forward(device, 1, segments, length, margin, y, labels, dy, metrics);
}

/// <inheritdoc cref="ISemiHardTriplet"/>
/// <remarks>The reference's loops; threads share segments.</remarks>
public sealed unsafe class SemiHardTripletCpu(CpuDevice device) : ISemiHardTriplet
{
    public void Forward(Segments segments, int length, float margin, View y, View labels, View dy, View metrics)
    {
        ArgumentNullException.ThrowIfNull(segments);
        Forward(device, Stretch.Parts(device, segments.Count, (long)segments.Samples * segments.Samples / segments.Count / segments.Count * length), segments, length, margin, y, labels, dy, metrics);
    }

    internal static void Forward(CpuDevice device, int parts, Segments segments, int length, float margin, View y, View labels, View dy, View metrics)
    {
        OperandCheck.Positive("semiHardTriplet", "length", length);
        OperandCheck.Shape("semiHardTriplet", "y", y, segments.Samples, length);
        OperandCheck.Shape("semiHardTriplet", "labels", labels, segments.Samples);
        OperandCheck.ShapeOrAbsent("semiHardTriplet", "dy", dy, segments.Samples, length);
        if (metrics.Length < 4) throw new ArgumentException($"metrics has {metrics.Length} elements; it needs at least 4: loss, correct, samples, weight.", nameof(metrics));
        var largest = 0;
        for (var s = 0; s < segments.Count; s++) largest = Math.Max(largest, segments.End(s) - segments.Start(s));
        var rows = segments.Samples;
        // Losses, weights and hits of each anchor, then each sample's distances to the samples of its own segment.
        var scratch = device.SharedScratch(3L * rows + (long)rows * largest);
        var job = new Job(segments, length, largest, parts, margin, y.Floats(), labels.Ints(), dy.IsNone ? null : dy.Floats(), scratch, scratch + 3L * rows);
        device.Run(ref job, parts);
        var figures = metrics.Floats();
        figures[0] += SegmentFold.Rows(segments, 1, scratch);
        figures[3] += SegmentFold.Rows(segments, 1, scratch + rows);
        for (var row = 0; row < rows; row++) figures[1] += scratch[2L * rows + row];
    }

    private readonly struct Job(Segments segments, int length, int largest, int parts, float margin, float* y, int* labels, float* dy, float* figures, float* distances) : IParallelJob
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, segments.Count);
            for (var segment = start; segment < end; segment++) Segment(segments.Start(segment), segments.End(segment));
        }

        private void Segment(int first, int end)
        {
            var rows = segments.Samples;
            if (dy != null) new Span<float>(dy + (long)first * length, (end - first) * length).Clear();
            for (var a = first; a < end; a++)
            {
                var row = distances + (long)a * largest - first;
                for (var b = first; b < end; b++) row[b] = Distance(y + (long)a * length, y + (long)b * length);
                var (loss, pairs, nearest) = (0f, 0, -1);
                for (var p = first; p < end; p++)
                {
                    if (p == a) continue;
                    if (nearest < 0 || row[p] < row[nearest]) nearest = p;
                    if (labels[p] != labels[a] || Negative(row, a, row[p], first, end) is not (>= 0 and var n)) continue;
                    pairs++;
                    var gap = row[p] - row[n] + margin;
                    if (gap <= 0) continue;
                    loss += gap;
                    if (dy != null) Push(a, p, n);
                }
                (figures[a], figures[rows + a], figures[2L * rows + a]) = (loss, pairs, nearest >= 0 && labels[nearest] == labels[a] ? 1f : 0f);
            }
        }

        // The nearest of another label beyond the positive, else the farthest; -1: there is none of another label.
        private int Negative(float* row, int a, float positive, int first, int end)
        {
            var (beyond, farthest) = (-1, -1);
            for (var n = first; n < end; n++)
            {
                if (labels[n] == labels[a]) continue;
                if (row[n] > positive && (beyond < 0 || row[n] < row[beyond])) beyond = n;
                if (farthest < 0 || row[n] > row[farthest]) farthest = n;
            }
            return beyond >= 0 ? beyond : farthest;
        }

        private float Distance(float* a, float* b)
        {
            var sum = 0f;
            for (var i = 0; i < length; i++) sum = MathF.FusedMultiplyAdd(a[i] - b[i], a[i] - b[i], sum);
            return sum;
        }

        private void Push(int a, int p, int n)
        {
            long ya = (long)a * length, yp = (long)p * length, yn = (long)n * length;
            for (var i = 0; i < length; i++)
            {
                dy[ya + i] += 2 * (y[yn + i] - y[yp + i]);
                dy[yp + i] += 2 * (y[yp + i] - y[ya + i]);
                dy[yn + i] += 2 * (y[ya + i] - y[yn + i]);
            }
        }
    }
}
