namespace DistTrain.Learning;

/// <summary>y = (x - mean) / deviation of each feature (of each channel of images) in the training set: what data.standardize does at the end, wherever it is wanted.</summary>
[Named("zScore")]
public sealed class ZScore : Transform
{
    public override FittedTransform Fit(Dataset train)
    {
        var statistics = ChannelStatistics.Of(train);
        return Affine.Of(train.InputShape, [.. statistics.Deviation.Select(d => (float)(1 / d))], [.. statistics.Mean.Zip(statistics.Deviation, (m, d) => (float)(-m / d))]);
    }
}
