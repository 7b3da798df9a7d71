namespace DistTrain.Kernels;

/// <summary>y = x · scale_c + shift_c over [N, C, P], P = positions: the weights of normalizations, a bias, gates (with samples and channels as one axis).</summary>
/// <remarks>Sums over a segment and channel: each sample's positions are one 16-lane reduction with the fixed fold, samples add in order, segments in the tree.</remarks>
public interface IChannelScale : IOp
{
    /// <summary>y = fma(x, scale, shift), x + shift without scale, x · scale without shift; y may be x. The gradient of x is the same call on dy without shift.</summary>
    void Forward(int samples, int channels, int positions, View x, View scale, View shift, View y);

    /// <summary>dScale = Σ dy·x, dShift = Σ dy, [C] each, overwritten; an absent one is not wanted.</summary>
    void BackwardWeights(Segments segments, int channels, int positions, View x, View dy, View dScale, View dShift);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class ChannelScaleReference(CpuDevice device) : IChannelScale
{
    public void Forward(int samples, int channels, int positions, View x, View scale, View shift, View y)
    {
        ExpectForward(samples, channels, positions, x, scale, shift, y);
        for (var i = 0; i < x.Length; i++)
        {
            var (value, c) = (x.Floats()[i], i / positions % channels);
            y.Floats()[i] = scale.IsNone ? value + shift.Floats()[c] : shift.IsNone ? value * scale.Floats()[c] : MathF.FusedMultiplyAdd(value, scale.Floats()[c], shift.Floats()[c]);
        }
    }

    public void BackwardWeights(Segments segments, int channels, int positions, View x, View dy, View dScale, View dShift)
    {
        ExpectBackward(segments, channels, positions, x, dy, dScale, dShift);
        var sums = device.SharedScratch(2L * segments.Count * channels);
        var shifts = sums + segments.Count * channels;
        Span<float> products = stackalloc float[LaneFold.Lanes], lanes = stackalloc float[LaneFold.Lanes];
        for (var segment = 0; segment < segments.Count; segment++)
            for (var c = 0; c < channels; c++)
            {
                var (toScale, toShift) = (0f, 0f);
                for (var n = segments.Start(segment); n < segments.End(segment); n++)
                {
                    var at = ((long)n * channels + c) * positions;
                    products.Clear();
                    lanes.Clear();
                    for (var p = 0; p < positions; p++)
                    {
                        if (!dScale.IsNone) products[p % 16] = MathF.FusedMultiplyAdd(dy.Floats()[at + p], x.Floats()[at + p], products[p % 16]);
                        lanes[p % 16] += dy.Floats()[at + p];
                    }
                    toScale += LaneFold.Sum(products);
                    toShift += LaneFold.Sum(lanes);
                }
                (sums[segment * channels + c], shifts[segment * channels + c]) = (toScale, toShift);
            }
        Fold(segments, channels, sums, dScale);
        Fold(segments, channels, shifts, dShift);
    }

    internal static void Fold(Segments segments, int channels, float* sums, View to)
    {
        if (!to.IsNone) new Span<float>(SegmentFold.Columns(segments, sums, channels, 0, channels), channels).CopyTo(to.AsSpan());
    }

    internal static void ExpectForward(int samples, int channels, int positions, View x, View scale, View shift, View y)
    {
        OperandCheck.Shape("channelScale", "x", x, samples, channels, positions);
        if (scale.IsNone && shift.IsNone) throw new ArgumentException("channelScale: scale and shift are both absent; give one.", nameof(scale));
        OperandCheck.ShapeOrAbsent("channelScale", "scale", scale, channels);
        OperandCheck.ShapeOrAbsent("channelScale", "shift", shift, channels);
        OperandCheck.Shape("channelScale", "y", y, samples, channels, positions);
    }

    internal static void ExpectBackward(Segments segments, int channels, int positions, View x, View dy, View dScale, View dShift)
    {
        ArgumentNullException.ThrowIfNull(segments);
        if (!dScale.IsNone) OperandCheck.Shape("channelScale", "x", x, segments.Samples, channels, positions);
        OperandCheck.Shape("channelScale", "dy", dy, segments.Samples, channels, positions);
        OperandCheck.ShapeOrAbsent("channelScale", "dScale", dScale, channels);
        OperandCheck.ShapeOrAbsent("channelScale", "dShift", dShift, channels);
    }
}
