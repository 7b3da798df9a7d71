using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Cli;

/// <summary>Normal images with fixed labels, or random text whose targets are random tokens: what the peer's script trains on. Sample i is the same in every run.</summary>
internal sealed class SyntheticData : Dataset
{
    private readonly float[] _inputs;
    private readonly int[] _labels;

    private SyntheticData(int count, Shape input, Shape target, int classes, int vocabulary)
    {
        (Count, InputShape, TargetShape, Classes, Vocabulary) = (count, input, target, classes, vocabulary);
        _inputs = new float[count * input.Length];
        _labels = new int[count * target.Length];
        var random = new RandomStream(0, 0);
        for (var i = 0; i < _inputs.Length; i++) _inputs[i] = vocabulary > 0 ? random.Next(vocabulary) : random.NextNormal();
        for (var i = 0; i < _labels.Length; i++) _labels[i] = random.Next(classes);
    }

    /// <summary>Samples for a model by its name: 65 tokens in sequences of 64 for language models, digits for mlp and lenet, 3 x 32 x 32 images for the others.</summary>
    public static SyntheticData For(string model, int count) => model switch
    {
        "lstm" or "gpt" => new(count, new Shape(64), new Shape(64), 65, 65),
        "mlp" => new(count, new Shape(784), new Shape(), 10, 0),
        "lenet" or "softmaxRegression" => new(count, new Shape(1, 28, 28), new Shape(), 10, 0),
        _ => new(count, new Shape(3, 32, 32), new Shape(), 10, 0),
    };

    public override int Count { get; }

    public override Shape InputShape { get; }

    public override Shape TargetShape { get; }

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes { get; }

    public override int Vocabulary { get; }

    public override DatasetIdentity Identity => new($"{Count} random samples", 4L * _inputs.Length, "");

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        _inputs.AsSpan(index * input.Length, input.Length).CopyTo(input);
        _labels.AsSpan(index * target.Length, target.Length).CopyTo(target);
    }
}
