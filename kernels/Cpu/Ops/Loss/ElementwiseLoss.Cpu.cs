using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IElementwiseLoss{TFunction}"/>
public sealed unsafe class ElementwiseLossCpu<TFunction>(CpuDevice device) : IElementwiseLoss<TFunction> where TFunction : unmanaged, ILossFunction
{
    public void Forward(TFunction function, Segments segments, int elementsPerSample, View y, View target, bool labels, float scale, View dy, View metrics)
    {
        ExpectArguments(segments, elementsPerSample, y, target, dy, metrics);
        var losses = device.SharedScratch(2L * segments.Samples);
        var misses = losses + segments.Samples;
        var parts = Stretch.Parts(device, segments.Samples, 2L * elementsPerSample);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(function, segments.Samples, elementsPerSample, parts, y.Floats(), target.Floats(), labels, scale, dy.Floats(), losses, misses);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(function, segments.Samples, elementsPerSample, parts, y.Floats(), target.Floats(), labels, scale, dy.Floats(), losses, misses);
            device.Run(ref job, parts);
        }
        metrics.Floats()[0] += SegmentFold.Rows(segments, 1, losses);
        if (!TFunction.CountsHits) return;
        var hits = 0;
        for (var sample = 0; sample < segments.Samples; sample++)
            if (misses[sample] == 0) hits++;
        metrics.Floats()[1] += hits;
    }

    internal static void ExpectArguments(Segments segments, int elementsPerSample, View y, View target, View dy, View metrics)
    {
        ArgumentNullException.ThrowIfNull(segments);
        OperandCheck.Positive("elementwiseLoss", "elementsPerSample", elementsPerSample);
        OperandCheck.Shape("elementwiseLoss", "y", y, segments.Samples, elementsPerSample);
        OperandCheck.Shape("elementwiseLoss", "target", target, segments.Samples, elementsPerSample);
        OperandCheck.ShapeOrAbsent("elementwiseLoss", "dy", dy, segments.Samples, elementsPerSample);
        if (metrics.Length < 2) throw new ArgumentException($"metrics has {metrics.Length} elements; it needs at least 2: loss and hits.", nameof(metrics));
    }

    private readonly struct Job<T>(TFunction function, int samples, int elements, int parts, float* y, float* target, bool labels, float scale, float* dy, float* losses, float* misses)
        : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            for (var sample = start; sample < end; sample++)
            {
                var at = (long)sample * elements;
                losses[sample] = Sample(function, elements, y + at, target + at, labels, scale, dy == null ? null : dy + at, misses + sample) * scale;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Sample(TFunction function, int count, float* y, float* target, bool labels, float scale, float* dy, float* misses)
        {
            var (sums, wrong, by) = (T.Of(0f), T.Of(0f), T.Of(scale));
            var converted = stackalloc float[16];
            for (var i = 0; i < count; i += 16)
            {
                var live = Math.Min(16, count - i);
                var of = T.LoadPart(y + i, live);
                var wanted = labels ? Labels(converted, (int*)target + i, live) : T.LoadPart(target + i, live);
                sums = sums + T.SelectBelow(live, function.Value(of, wanted), T.Of(0f));
                if (TFunction.CountsHits) wrong = wrong + T.SelectBelow(live, function.Miss(of, wanted), T.Of(0f));
                if (dy != null) T.StorePart(dy + i, live, function.Slope(of, wanted) * by);
            }
            *misses = T.Sum(wrong);
            return T.Sum(sums);
        }

        private static T Labels(float* room, int* labels, int count)
        {
            for (var i = 0; i < count; i++) room[i] = labels[i];
            return T.LoadPart(room, count);
        }
    }
}
