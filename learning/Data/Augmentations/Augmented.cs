using System.Collections.Concurrent;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Images that go through augmentations when they are read: of a training set all of them, of a test set what their sizes ask for.</summary>
public sealed class Augmented : Dataset
{
    private static readonly ulong _path = RandomKey.HashPath("data.augment");

    private readonly Dataset _source;
    private readonly IReadOnlyList<Augmentation> _steps;
    private readonly ulong? _seed;
    private readonly ConcurrentBag<AugmentedSample> _samples = [];

    /// <param name="seed">Of the job; null: a test set, nothing is drawn.</param>
    /// <exception cref="ShapeException">The data is no images, or an augmentation cannot take them.</exception>
    public Augmented(Dataset source, IReadOnlyList<Augmentation> steps, ulong? seed)
    {
        (_source, _steps, _seed) = (source, steps, seed);
        if (source.InputShape.Rank != 3) throw new ShapeException($"augmentations take images of [channels, height, width]; the data's samples are {source.InputShape}.");
        if (source.TargetKind == TargetKind.Values && source.TargetShape.Rank == 3) throw new ShapeException($"augmentations would change the input and not the target image {source.TargetShape} that belongs to it. Remove data.augment.");
        InputShape = source.InputShape;
        foreach (var step in steps) InputShape = step.Result(InputShape);
        TargetShape = HasClasses ? new Shape(InputShape[1], InputShape[2]) : source.TargetShape;
    }

    /// <summary>Both sets of a split, augmented; the augmentations look at the training set first.</summary>
    public static DataSplit Apply(DataSplit split, IReadOnlyList<Augmentation> steps, ulong seed)
    {
        foreach (var step in steps) step.Fit(split.Train);
        return new DataSplit(new Augmented(split.Train, steps, seed), new Augmented(split.Test, steps, null));
    }

    public override int Count => _source.Count;

    public override Shape InputShape { get; }

    public override Shape TargetShape { get; }

    public override TargetKind TargetKind => _source.TargetKind;

    public override int Classes => _source.Classes;

    public override DatasetIdentity Identity => _source.Identity;

    public override bool IsCostly => _seed is not null;

    private bool HasClasses => _source.TargetKind == TargetKind.Labels && _source.TargetShape.Rank == 2;

    public override void Read(int index, Span<float> input, Span<int> target) => Read(index, 0, input, target);

    public override void Read(int index, long epoch, Span<float> input, Span<int> target)
    {
        if (!_samples.TryTake(out var sample)) sample = new AugmentedSample();
        sample.Begin(_source.InputShape, HasClasses);
        _source.Read(index, epoch, sample.Image, HasClasses ? sample.Classes : target);
        for (var i = 0; i < _steps.Count; i++)
        {
            var random = new RandomStream(RandomKey.Of(_seed ?? 0, (ulong)epoch, _path, (uint)i), (ulong)index);
            if (_seed is null) _steps[i].ApplyToTest(sample);
            else _steps[i].Apply(sample, ref random);
        }
        sample.Image.CopyTo(input);
        if (HasClasses) sample.Classes.CopyTo(target);
        _samples.Add(sample);
    }
}
