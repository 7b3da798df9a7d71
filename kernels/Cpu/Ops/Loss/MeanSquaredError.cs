using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>loss = Σ (y - target)² · scale with its gradient 2 · (y - target) · scale.</summary>
/// <remarks>Each sample's squares are one 16-lane reduction with the fixed fold, times scale; samples are the rows of the sum.</remarks>
public interface IMeanSquaredError : IOp
{
    /// <param name="y">[samples, elementsPerSample].</param>
    /// <param name="scale">1 / (n · elementsPerSample) of the whole step.</param>
    /// <param name="dy">[samples, elementsPerSample], overwritten; absent when only the loss is wanted; may be y.</param>
    /// <param name="metrics">[0] += the tree over segments.</param>
    void Forward(Segments segments, int elementsPerSample, View y, View target, float scale, View dy, View metrics);
}

/// <inheritdoc cref="IMeanSquaredError"/>
public sealed unsafe class MeanSquaredErrorReference(CpuDevice device) : IMeanSquaredError
{
    public void Forward(Segments segments, int elementsPerSample, View y, View target, float scale, View dy, View metrics)
    {
        MeanSquaredErrorCpu.ExpectArguments(segments, elementsPerSample, y, target, dy, metrics);
        var losses = device.SharedScratch(segments.Samples);
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        for (var sample = 0; sample < segments.Samples; sample++)
        {
            lanes.Clear();
            for (var i = 0; i < elementsPerSample; i++)
            {
                var at = (long)sample * elementsPerSample + i;
                var difference = y.Floats()[at] - target.Floats()[at];
                lanes[i % 16] = MathF.FusedMultiplyAdd(difference, difference, lanes[i % 16]);
                if (!dy.IsNone) dy.Floats()[at] = 2 * difference * scale;
            }
            losses[sample] = LaneFold.Sum(lanes) * scale;
        }
        metrics.Floats()[0] += SegmentFold.Rows(segments, 1, losses);
    }
}

/// <inheritdoc cref="IMeanSquaredError"/>
public sealed unsafe class MeanSquaredErrorCpu(CpuDevice device) : IMeanSquaredError
{
    public void Forward(Segments segments, int elementsPerSample, View y, View target, float scale, View dy, View metrics)
    {
        ExpectArguments(segments, elementsPerSample, y, target, dy, metrics);
        var losses = device.SharedScratch(segments.Samples);
        var parts = Stretch.Parts(device, segments.Samples, elementsPerSample);
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(segments.Samples, elementsPerSample, parts, y.Floats(), target.Floats(), scale, dy.Floats(), losses);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(segments.Samples, elementsPerSample, parts, y.Floats(), target.Floats(), scale, dy.Floats(), losses);
            device.Run(ref job, parts);
        }
        metrics.Floats()[0] += SegmentFold.Rows(segments, 1, losses);
    }

    internal static void ExpectArguments(Segments segments, int elementsPerSample, View y, View target, View dy, View metrics)
    {
        ArgumentNullException.ThrowIfNull(segments);
        OperandCheck.Positive("meanSquaredError", "elementsPerSample", elementsPerSample);
        OperandCheck.Shape("meanSquaredError", "y", y, segments.Samples, elementsPerSample);
        OperandCheck.Shape("meanSquaredError", "target", target, segments.Samples, elementsPerSample);
        OperandCheck.ShapeOrAbsent("meanSquaredError", "dy", dy, segments.Samples, elementsPerSample);
        if (metrics.Length < 1) throw new ArgumentException($"metrics has {metrics.Length} elements; it needs at least 1: the loss.", nameof(metrics));
    }

    private readonly struct Job<T>(int samples, int elements, int parts, float* y, float* target, float scale, float* dy, float* losses) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            for (var sample = start; sample < end; sample++)
            {
                var at = (long)sample * elements;
                losses[sample] = Sample(elements, y + at, target + at, scale, dy == null ? null : dy + at) * scale;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Sample(int count, float* y, float* target, float scale, float* dy)
        {
            var sums = T.Of(0f);
            var (two, by) = (T.Of(2f), T.Of(scale));
            var i = 0;
            for (; i + 16 <= count; i += 16)
            {
                var difference = T.Load(y + i) - T.Load(target + i);
                sums = T.Fma(difference, difference, sums);
                if (dy != null) T.Store(dy + i, two * difference * by);
            }
            if (i < count)
            {
                var difference = T.LoadPart(y + i, count - i) - T.LoadPart(target + i, count - i);
                sums = T.Fma(difference, difference, sums);
                if (dy != null) T.StorePart(dy + i, count - i, two * difference * by);
            }
            return T.Sum(sums);
        }
    }
}
