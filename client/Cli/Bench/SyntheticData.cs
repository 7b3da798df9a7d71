using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Cli;

/// <summary>Normal input with fixed labels: what the peer's script trains on. Sample i is the same in every run.</summary>
internal sealed class SyntheticData : Dataset
{
    private readonly float[] _inputs;
    private readonly int[] _labels;

    public SyntheticData(int count, Shape input, int classes)
    {
        (Count, InputShape, Classes) = (count, input, classes);
        _inputs = new float[count * input.Length];
        _labels = new int[count];
        var random = new RandomStream(0, 0);
        for (var i = 0; i < _inputs.Length; i++) _inputs[i] = random.NextNormal();
        for (var i = 0; i < count; i++) _labels[i] = random.Next(classes);
    }

    public override int Count { get; }

    public override Shape InputShape { get; }

    public override Shape TargetShape { get; } = new();

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes { get; }

    public override DatasetIdentity Identity => new($"{Count} normal samples", 4L * _inputs.Length, "");

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        _inputs.AsSpan(index * InputShape.Length, InputShape.Length).CopyTo(input);
        target[0] = _labels[index];
    }
}
