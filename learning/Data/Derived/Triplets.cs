namespace DistTrain.Learning;

/// <summary>
/// Anchor, positive and negative from any labelled format, for the triplet loss: sample i is the source's sample i, another of its class and one of another class, drawn anew in each epoch by (seed, epoch, i); a
/// test sample's once. Images [C, H, W] become [C, 3, H, W] (conv3d with kernels 1 deep treats the three alike), features [F] become [3, F]. The model must end in [3, D]. The target is the anchor's label.
/// </summary>
[Named("triplets")]
public sealed class Triplets(Triplets.Options options) : DatasetFormat
{
    private readonly DatasetFormat _source = options.Of ?? new Digits(new());

    /// <param name="Of">The format whose samples these are; not given: digits. One label a sample.</param>
    public sealed record Options(DatasetFormat? Of = null);

    public override DataSplit Open(string path, ulong seed)
    {
        var split = _source.Open(path, seed);
        if (split.Train.TargetKind != TargetKind.Labels || split.Train.TargetShape.Length != 1 || split.Train.Vocabulary > 0)
            throw new DatasetException($"the option of of triplets gives {(split.Train.TargetKind == TargetKind.Labels ? "labels" : "values")} of {split.Train.TargetShape}. It must be a format with one class label a sample, such as digits, images or csv: triplets are drawn by it.");
        if (split.Train.InputShape.Rank is not (1 or 3)) throw new DatasetException($"the option of of triplets gives samples of {split.Train.InputShape}. They must be features [F] or images [channels, height, width].");
        return new(new TripletSamples(split.Train, seed, "train"), new TripletSamples(split.Test, seed, "test"));
    }

    public override IReadOnlyList<(string Option, string Set, string Path)> FilesBeside(string path) => [.. _source.FilesBeside(path).Select(file => ($"triplets.of.{file.Option}", file.Set, file.Path))];
}
