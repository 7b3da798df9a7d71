namespace DistTrain.Learning;

/// <summary>y = low + (x - min) / (max - min)·(high - low) with the least and the largest value of each feature (of each channel of images) in the training set; one that never varies becomes low.</summary>
[Named("minMax")]
public sealed class MinMax(MinMax.Options options) : Transform
{
    /// <param name="Low">Where the least value goes.</param>
    /// <param name="High">Where the largest goes.</param>
    public sealed record Options(double Low = 0, double High = 1);

    public override FittedTransform Fit(Dataset train)
    {
        var (channels, inner) = ChannelStatistics.ChannelsOf(train.InputShape);
        var (least, most) = (new float[channels], new float[channels]);
        Array.Fill(least, float.PositiveInfinity);
        Array.Fill(most, float.NegativeInfinity);
        Features.Each(train, x =>
        {
            for (var e = 0; e < x.Length; e++)
            {
                var c = e / inner % channels;
                if (x[e] < least[c]) least[c] = x[e];
                if (x[e] > most[c]) most[c] = x[e];
            }
        });
        var (scale, shift) = (new float[channels], new float[channels]);
        for (var c = 0; c < channels; c++)
        {
            var range = (double)most[c] - least[c];
            scale[c] = range > 0 ? (float)((options.High - options.Low) / range) : 0f;
            shift[c] = range > 0 ? (float)(options.Low - least[c] * (options.High - options.Low) / range) : (float)options.Low;
        }
        return Affine.Of(train.InputShape, scale, shift);
    }
}

/// <summary>y = x·scale + shift with one rounding, by channel.</summary>
internal static class Affine
{
    public static FittedTransform Of(Shape shape, float[] scale, float[] shift)
    {
        var (channels, inner) = ChannelStatistics.ChannelsOf(shape);
        return new FittedTransform(shape, (x, y) =>
        {
            for (var e = 0; e < x.Length; e++) y[e] = MathF.FusedMultiplyAdd(x[e], scale[e / inner % channels], shift[e / inner % channels]);
        });
    }
}
