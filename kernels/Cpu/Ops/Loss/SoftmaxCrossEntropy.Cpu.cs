using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="ISoftmaxCrossEntropy"/>
public sealed unsafe class SoftmaxCrossEntropyCpu(CpuDevice device) : ISoftmaxCrossEntropy
{
    public void Forward(Segments segments, int rowsPerSample, int classes, View logits, View labels, float scale, float labelSmoothing, View dLogits, View metrics)
    {
        ExpectArguments(segments, rowsPerSample, classes, logits, labels, labelSmoothing, dLogits, metrics);
        var rows = segments.Samples * rowsPerSample;
        var losses = device.SharedScratch(2L * rows);
        var hits = (int*)losses + rows;
        var parts = Stretch.Parts(device, rows, classes * 32L);   // an exponential and a quotient a logit
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(rows, classes, parts, logits.Floats(), labels.Ints(), scale, labelSmoothing, dLogits.Floats(), losses, hits);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(rows, classes, parts, logits.Floats(), labels.Ints(), scale, labelSmoothing, dLogits.Floats(), losses, hits);
            device.Run(ref job, parts);
        }
        var correct = 0;
        for (var row = 0; row < rows; row++) correct += hits[row];
        metrics.Floats()[0] += SegmentFold.Rows(segments, rowsPerSample, losses);
        metrics.Floats()[1] += correct;
    }

    internal static void ExpectArguments(
        Segments segments, int rowsPerSample, int classes, View logits, View labels, float labelSmoothing, View dLogits, View metrics)
    {
        ExpectShapes(segments, rowsPerSample, classes, logits, labels, labelSmoothing, dLogits, metrics);
        for (var row = 0; row < labels.Length; row++)
            if ((uint)labels.Ints()[row] >= (uint)classes)
                throw new ArgumentOutOfRangeException(nameof(labels), $"the label of row {row} is {labels.Ints()[row]}; it must be in [0, {classes}).");
    }

    /// <summary>What can be checked of views on any device.</summary>
    internal static void ExpectShapes(
        Segments segments, int rowsPerSample, int classes, View logits, View labels, float labelSmoothing, View dLogits, View metrics)
    {
        ArgumentNullException.ThrowIfNull(segments);
        OperandCheck.Positive("softmaxCrossEntropy", "rowsPerSample", rowsPerSample);
        OperandCheck.Positive("softmaxCrossEntropy", "classes", classes);
        if (!(labelSmoothing >= 0 && labelSmoothing < 1))
            throw new ArgumentOutOfRangeException(nameof(labelSmoothing), $"labelSmoothing is {labelSmoothing}; it must be in [0, 1).");
        var rows = segments.Samples * rowsPerSample;
        OperandCheck.Shape("softmaxCrossEntropy", "logits", logits, rows, classes);
        OperandCheck.Shape("softmaxCrossEntropy", "labels", labels, rows);
        OperandCheck.ShapeOrAbsent("softmaxCrossEntropy", "dLogits", dLogits, rows, classes);
        if (metrics.Length < 2) throw new ArgumentException($"metrics has {metrics.Length} elements; it needs at least 2: loss and correct rows.", nameof(metrics));
    }

    private readonly struct Job<T>(int rows, int classes, int parts, float* logits, int* labels, float scale, float smoothing, float* dLogits, float* losses, int* hits)
        : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, rows);
            if (classes <= 16) NarrowRows(start, end, classes, logits, labels, scale, smoothing, dLogits, losses, hits);
            else
                for (var row = start; row < end; row++)
                    WideRow(row, classes, logits + (long)row * classes, labels[row], scale, smoothing, dLogits == null ? null : dLogits + (long)row * classes, losses, hits);
        }

        // A row fits one vector: everything stays in registers.
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void NarrowRows(int start, int end, int classes, float* logits, int* labels, float scale, float smoothing, float* dLogits, float* losses, int* hits)
        {
            var (zero, least) = (T.Of(0f), T.Of(float.NegativeInfinity));
            var (everywhere, atLabel) = (smoothing / classes, 1 - smoothing + smoothing / classes);
            var floatLanes = T.TopBits24(Shifted());
            for (var row = start; row < end; row++)
            {
                var x = logits + (long)row * classes;
                var label = labels[row];
                var atTarget = x[label];
                var v = T.LoadPart(x, classes);
                var max = T.Max(T.SelectBelow(classes, v, least));
                var shifted = v - T.Of(max);
                var e = T.SelectBelow(classes, Lane.Exp(shifted), zero);
                var sum = T.Sum(e);
                hits[row] = atTarget == max && !T.AnyEqual(T.SelectBelow(label, v, T.Of(float.NaN)), T.Of(max)) ? 1 : 0;
                var loss = Lane.Log(Lane1.Of(sum)).Value - (1 - smoothing) * (atTarget - max);
                if (smoothing != 0) loss -= everywhere * T.Sum(T.SelectBelow(classes, shifted, zero));
                losses[row] = loss * scale;
                if (dLogits == null) continue;
                var target = T.IfEqual(floatLanes, T.Of(label), T.Of(atLabel), T.Of(everywhere));
                T.StorePart(dLogits + (long)row * classes, classes, (e / T.Of(sum) - target) * T.Of(scale));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void WideRow(int row, int classes, float* x, int label, float scale, float smoothing, float* gradient, float* losses, int* hits)
        {
            var (zero, least) = (T.Of(0f), T.Of(float.NegativeInfinity));
            var (whole, rest) = (classes & ~15, classes & 15);
            var atTarget = x[label];

            var largest = least;
            for (var i = 0; i < whole; i += 16) largest = Larger(T.Load(x + i), largest);
            if (rest > 0) largest = Larger(T.SelectBelow(rest, T.LoadPart(x + whole, rest), least), largest);
            var max = T.Max(largest);
            hits[row] = atTarget == max && !Contains(x, label, T.Of(max)) ? 1 : 0;

            var m = T.Of(max);
            var shifts = zero;
            if (smoothing != 0)
            {
                for (var i = 0; i < whole; i += 16) shifts = shifts + (T.Load(x + i) - m);
                if (rest > 0) shifts = shifts + T.SelectBelow(rest, T.LoadPart(x + whole, rest) - m, zero);
            }

            // The exponentials are kept in the gradient's place, where there is one.
            var sums = zero;
            for (var i = 0; i < whole; i += 16)
            {
                var e = Lane.Exp(T.Load(x + i) - m);
                sums = sums + e;
                if (gradient != null) T.Store(gradient + i, e);
            }
            if (rest > 0)
            {
                var e = T.SelectBelow(rest, Lane.Exp(T.LoadPart(x + whole, rest) - m), zero);
                sums = sums + e;
                if (gradient != null) T.StorePart(gradient + whole, rest, e);
            }
            var sum = T.Sum(sums);

            var everywhere = smoothing / classes;
            var loss = Lane.Log(Lane1.Of(sum)).Value - (1 - smoothing) * (atTarget - max);
            if (smoothing != 0) loss -= everywhere * T.Sum(shifts);
            losses[row] = loss * scale;
            if (gradient == null) return;

            var (divisor, off, by) = (T.Of(sum), T.Of(everywhere), T.Of(scale));
            for (var i = 0; i < whole; i += 16) T.Store(gradient + i, (T.Load(gradient + i) / divisor - off) * by);
            if (rest > 0) T.StorePart(gradient + whole, rest, (T.LoadPart(gradient + whole, rest) / divisor - off) * by);
            gradient[label] = (Lane.Exp(Lane1.Of(atTarget - max)).Value / sum - (1 - smoothing + smoothing / classes)) * scale;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T Larger(T x, T than) => T.IfGreater(x, than, x, than);

        private static bool Contains(float* x, int count, T value)
        {
            var i = 0;
            for (; i + 16 <= count; i += 16)
                if (T.AnyEqual(T.Load(x + i), value)) return true;
            return i < count && T.AnyEqual(T.SelectBelow(count - i, T.LoadPart(x + i, count - i), T.Of(float.NaN)), value);
        }

        // Lane numbers in the top 24 bits.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T Shifted()
        {
            T.MultiplyWords(T.LaneNumbers(), 256, out var low, out _);
            return low;
        }
    }
}
