namespace DistTrain.Kernels;

/// <summary>A loss of one output element and its target, written once for every lane width and device; options are its fields.</summary>
public interface ILossFunction
{
    /// <summary>Whether <see cref="Miss"/> means anything: predictions are right or wrong.</summary>
    static abstract bool CountsHits { get; }

    T Value<T>(T y, T target) where T : unmanaged, ILane<T>;

    /// <summary>The derivative of <see cref="Value"/> by y.</summary>
    T Slope<T>(T y, T target) where T : unmanaged, ILane<T>;

    /// <summary>1 where the prediction is wrong, else 0.</summary>
    T Miss<T>(T y, T target) where T : unmanaged, ILane<T>;
}

/// <summary>loss = Σ F(y, target) · scale with its gradient F'(y, target) · scale.</summary>
/// <remarks>Each sample's values are one 16-lane reduction with the fixed fold, times scale; samples are the rows of the sum. A sample is a hit where no element is a miss.</remarks>
public interface IElementwiseLoss<TFunction> : IOp where TFunction : unmanaged, ILossFunction
{
    /// <param name="y">[samples, elementsPerSample].</param>
    /// <param name="target">The same shape: float32, or int32 labels where <paramref name="labels"/>.</param>
    /// <param name="scale">1 / (n · elementsPerSample) of the whole step.</param>
    /// <param name="dy">[samples, elementsPerSample], overwritten; absent when only the loss is wanted; may be y.</param>
    /// <param name="metrics">[0] += the tree over segments, [1] += hits.</param>
    void Forward(TFunction function, Segments segments, int elementsPerSample, View y, View target, bool labels, float scale, View dy, View metrics);
}

/// <inheritdoc cref="IElementwiseLoss{TFunction}"/>
public sealed unsafe class ElementwiseLossReference<TFunction>(CpuDevice device) : IElementwiseLoss<TFunction> where TFunction : unmanaged, ILossFunction
{
    public void Forward(TFunction function, Segments segments, int elementsPerSample, View y, View target, bool labels, float scale, View dy, View metrics)
    {
        ElementwiseLossCpu<TFunction>.ExpectArguments(segments, elementsPerSample, y, target, dy, metrics);
        var losses = device.SharedScratch(segments.Samples);
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        var hits = 0;
        for (var sample = 0; sample < segments.Samples; sample++)
        {
            lanes.Clear();
            var misses = 0f;
            for (var i = 0; i < elementsPerSample; i++)
            {
                var at = (long)sample * elementsPerSample + i;
                var (of, wanted) = (Lane1.Of(y.Floats()[at]), Lane1.Of(labels ? target.Ints()[at] : target.Floats()[at]));
                lanes[i % LaneFold.Lanes] += function.Value(of, wanted).Value;
                if (TFunction.CountsHits) misses += function.Miss(of, wanted).Value;
                if (!dy.IsNone) dy.Floats()[at] = function.Slope(of, wanted).Value * scale;
            }
            losses[sample] = LaneFold.Sum(lanes) * scale;
            if (TFunction.CountsHits && misses == 0) hits++;
        }
        metrics.Floats()[0] += SegmentFold.Rows(segments, 1, losses);
        metrics.Floats()[1] += hits;
    }
}
