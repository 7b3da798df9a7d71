namespace DistTrain.Learning;

/// <summary>Samples of float32 features in memory, [N, F], each with one label or one or more real target values [N, T].</summary>
public sealed class NumericTable : Dataset
{
    private readonly float[] _features;
    private readonly int[] _targets;

    private NumericTable(int featureCount, float[] features, Shape targetShape, int[] targets, TargetKind kind, IReadOnlyList<string> classNames, int classes, DatasetIdentity identity)
    {
        var targetCount = targetShape.Length;
        if (featureCount < 1 || targetCount < 1 || features.Length % featureCount != 0 || features.Length / featureCount * (long)targetCount != targets.Length)
            throw new ArgumentException($"{features.Length} features of {featureCount} a sample do not fit {targets.Length} targets of {targetCount} a sample.", nameof(features));
        (InputShape, _features, TargetShape, _targets, TargetKind) = (new(featureCount), features, targetShape, targets, kind);
        (ClassNames, Classes, Identity) = (classNames, classes, identity);
        Count = features.Length / featureCount;
    }

    public override int Count { get; }

    public override Shape InputShape { get; }

    public override Shape TargetShape { get; }

    public override TargetKind TargetKind { get; }

    public override int Classes { get; }

    /// <summary>What the classes are called in the source; empty for numbered classes and real targets.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    public override DatasetIdentity Identity { get; }

    /// <summary>Samples with one label each, in [0, <paramref name="classes"/>). The arrays are kept, not copied.</summary>
    public static NumericTable Labelled(int featureCount, float[] features, int[] labels, int classes, IReadOnlyList<string> classNames, DatasetIdentity identity)
    {
        for (var i = 0; i < labels.Length; i++)
            if ((uint)labels[i] >= (uint)classes)
                throw new ArgumentOutOfRangeException(nameof(labels), $"label {i} is {labels[i]}; it must be in [0, {classes}).");
        return new(featureCount, features, new(), labels, TargetKind.Labels, classNames, classes, identity);
    }

    /// <summary>Samples with <paramref name="valueCount"/> real targets each. The features are kept, not copied.</summary>
    public static NumericTable Valued(int featureCount, float[] features, int valueCount, ReadOnlySpan<float> values, DatasetIdentity identity) => Valued(featureCount, features, new Shape(valueCount), values, identity);

    /// <summary>The same with real targets of a shape of their own.</summary>
    public static NumericTable Valued(int featureCount, float[] features, Shape target, ReadOnlySpan<float> values, DatasetIdentity identity)
    {
        var bits = new int[values.Length];
        for (var i = 0; i < bits.Length; i++) bits[i] = BitConverter.SingleToInt32Bits(values[i]);
        return new(featureCount, features, target, bits, TargetKind.Values, [], 0, identity);
    }

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        var (features, targets) = (InputShape.Length, TargetShape.Length);
        _features.AsSpan(checked(index * features), features).CopyTo(input);
        _targets.AsSpan(index * targets, targets).CopyTo(target);
    }
}
