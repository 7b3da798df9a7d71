namespace DistTrain.Learning;

/// <summary>
/// A data set read as x * scale[C] + shift[C] with one rounding: (x - mean) / deviation of the training set's channels, in training and test set alike.
/// </summary>
public sealed class Standardized : Dataset
{
    private readonly Dataset _source;
    private readonly float[] _scale;
    private readonly float[] _shift;

    private Standardized(Dataset source, ChannelStatistics statistics)
    {
        var (channels, inner) = ChannelStatistics.ChannelsOf(source.InputShape);
        (_source, _scale, _shift) = (source, new float[source.InputShape.Length], new float[source.InputShape.Length]);
        for (var e = 0; e < _scale.Length; e++)
        {
            var channel = e / inner % channels;
            _scale[e] = (float)(1.0 / statistics.Deviation[channel]);
            _shift[e] = (float)(-statistics.Mean[channel] / statistics.Deviation[channel]);
        }
    }

    public override int Count => _source.Count;

    public override Shape InputShape => _source.InputShape;

    public override Shape TargetShape => _source.TargetShape;

    public override TargetKind TargetKind => _source.TargetKind;

    public override int Classes => _source.Classes;

    public override DatasetIdentity Identity => _source.Identity;

    /// <summary>Both sets, standardized by the training set's statistics; images keep their bytes and convert in one pass.</summary>
    public static DataSplit Apply(DataSplit split)
    {
        var statistics = ChannelStatistics.Of(split.Train);
        return new(By(split.Train, statistics), By(split.Test, statistics));
    }

    /// <summary>One set, standardized by statistics known already.</summary>
    public static Dataset By(Dataset source, ChannelStatistics statistics) => source is ByteImages images ? images.StandardizedBy(statistics) : new Standardized(source, statistics);

    public override bool IsCostly => _source.IsCostly;

    public override void Read(int index, Span<float> input, Span<int> target) => Read(index, 0, input, target);

    public override void Read(int index, long epoch, Span<float> input, Span<int> target)
    {
        _source.Read(index, epoch, input, target);
        for (var e = 0; e < _scale.Length; e++) input[e] = MathF.FusedMultiplyAdd(input[e], _scale[e], _shift[e]);
    }
}
