using System.Collections.Concurrent;
using System.Globalization;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>A labelled data set read three samples at a time: anchor, positive, negative.</summary>
public sealed class TripletSamples : Dataset
{
    private static readonly ulong _path = RandomKey.HashPath("data.triplets");
    private static readonly ulong _testPath = RandomKey.HashPath("data.triplets.test");

    private readonly Dataset _source;
    private readonly ulong _seed;
    private readonly bool _isTest;

    // Samples sorted by class, where each class begins in them, and each sample's label and place.
    private readonly int[] _sorted;
    private readonly int[] _begins;
    private readonly int[] _labels;
    private readonly int[] _places;
    private readonly ConcurrentBag<float[]> _rows = [];

    /// <param name="source">One label a sample.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="set">train, or test: drawn once for all epochs.</param>
    /// <exception cref="DatasetException">A class has one sample alone, or there is one class alone.</exception>
    public TripletSamples(Dataset source, ulong seed, string set)
    {
        (_source, _seed, _isTest) = (source, seed, set == "test");
        _labels = new int[source.Count];
        var row = new float[source.InputShape.Length];
        for (var i = 0; i < _labels.Length; i++) source.Read(i, row, _labels.AsSpan(i, 1));
        _sorted = [.. Enumerable.Range(0, source.Count).OrderBy(i => _labels[i]).ThenBy(i => i)];
        _begins = new int[source.Classes + 1];
        foreach (var label in _labels) _begins[label + 1]++;
        var lonely = Enumerable.Range(0, source.Classes).Where(c => _begins[c + 1] == 1).ToList();
        if (lonely.Count > 0) throw new DatasetException($"the {set} set of triplets has one sample alone of class {string.Join(", ", lonely.Take(8))}. Each class that it has must have at least 2, an anchor and a positive: add samples, or take a larger set.");
        if (_begins.Count(n => n > 0) < 2) throw new DatasetException($"the {set} set of triplets has samples of one class alone. It must have at least 2 classes: the negative is of another.");
        for (var c = 0; c < source.Classes; c++) _begins[c + 1] += _begins[c];
        _places = new int[source.Count];
        for (var place = 0; place < _sorted.Length; place++) _places[_sorted[place]] = place;
        var x = source.InputShape;
        InputShape = x.Rank == 1 ? new Shape(3, x[0]) : new Shape(x[0], 3, x[1], x[2]);
        Identity = source.Identity with { Description = string.Create(CultureInfo.InvariantCulture, $"{source.Identity.Description}, in triplets, seed {seed}") };
    }

    public override int Count => _source.Count;

    public override Shape InputShape { get; }

    public override Shape TargetShape => _source.TargetShape;

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes => _source.Classes;

    public override DatasetIdentity Identity { get; }

    public override bool IsCostly => true;

    /// <summary>The source's samples that stand at an index in an epoch.</summary>
    public (int Anchor, int Positive, int Negative) At(int index, long epoch)
    {
        var random = new RandomStream(_isTest ? RandomKey.Of(_seed, 0, _testPath) : RandomKey.Of(_seed, (ulong)epoch, _path), (ulong)index);
        var (begin, end) = (_begins[_labels[index]], _begins[_labels[index] + 1]);
        // Any of the class but the anchor; any sample outside the class.
        var positive = begin + random.Next(end - begin - 1);
        if (positive >= _places[index]) positive++;
        var negative = random.Next(Count - (end - begin));
        if (negative >= begin) negative += end - begin;
        return (index, _sorted[positive], _sorted[negative]);
    }

    public override void Read(int index, Span<float> input, Span<int> target) => Read(index, 0, input, target);

    public override void Read(int index, long epoch, Span<float> input, Span<int> target)
    {
        if (!_rows.TryTake(out var row)) row = new float[_source.InputShape.Length];
        var (anchor, positive, negative) = At(index, epoch);
        var channels = InputShape.Rank == 2 ? 1 : InputShape[0];
        var plane = row.Length / channels;
        ReadOnlySpan<int> three = [negative, positive, anchor];
        for (var i = 2; i >= 0; i--)
        {
            // The anchor comes last, so that its label stays in the target.
            _source.Read(three[2 - i], epoch, row, target);
            for (var c = 0; c < channels; c++) row.AsSpan(c * plane, plane).CopyTo(input[((c * 3 + i) * plane)..]);
        }
        _rows.Add(row);
    }
}
