using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

/// <summary>A small problem that can be learned: noisy copies of one random pattern for each class.</summary>
internal sealed class Clusters(Shape input, int classes, int count, float noise = 0.7f) : Dataset
{
    private readonly float[] _patterns = Draw(classes * input.Length, 11);

    public override int Count => count;

    public override Shape InputShape { get; } = input;

    public override Shape TargetShape { get; } = new();

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes => classes;

    public override DatasetIdentity Identity { get; } = new("clusters", 0, "");

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        var random = new RandomStream(12, (ulong)index);
        target[0] = index % classes;
        for (var i = 0; i < input.Length; i++) input[i] = _patterns[target[0] * input.Length + i] + noise * random.NextNormal();
    }

    private static float[] Draw(int length, ulong key)
    {
        var values = new float[length];
        RandomFill.Normal(values, key, 0f, 0.5f);
        return values;
    }
}
