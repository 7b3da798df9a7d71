namespace DistTrain.Learning;

/// <summary>y = (x - mean) / deviation with numbers given for each channel, such as ImageNet's [0.485, 0.456, 0.406] and [0.229, 0.224, 0.225]: for weights that were trained with them.</summary>
[Named("normalize")]
public sealed class Normalize(Normalize.Options options) : Transform
{
    /// <param name="Mean">One for each channel (feature).</param>
    /// <param name="Deviation">One for each channel (feature), none of them 0.</param>
    public sealed record Options(IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation);

    public override FittedTransform Fit(Dataset train)
    {
        var (channels, _) = ChannelStatistics.ChannelsOf(train.InputShape);
        if (options.Mean.Count != channels || options.Deviation.Count != channels || options.Deviation.Contains(0.0))
            throw new DatasetException($"normalize has {options.Mean.Count} means and {options.Deviation.Count} deviations. It must have {channels} of each, one for each channel, and no deviation may be 0.");
        return Affine.Of(train.InputShape, [.. options.Deviation.Select(d => (float)(1 / d))], [.. options.Mean.Zip(options.Deviation, (m, d) => (float)(-m / d))]);
    }
}
