using System.Collections.Concurrent;
using System.Globalization;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>A data set whose samples carry noise and whose targets are the samples without it.</summary>
internal sealed class NoisySamples(Dataset source, float deviation, ulong seed, string set) : Dataset
{
    private static readonly ulong _path = RandomKey.HashPath("data.noisy");
    private static readonly ulong _testPath = RandomKey.HashPath("data.noisy.test");

    private readonly ConcurrentBag<int[]> _labels = [];

    public override int Count => source.Count;

    public override Shape InputShape => source.InputShape;

    public override Shape TargetShape => source.InputShape;

    public override TargetKind TargetKind => TargetKind.Values;

    public override int Classes => 0;

    public override DatasetIdentity Identity { get; } = source.Identity with { Description = string.Create(CultureInfo.InvariantCulture, $"{source.Identity.Description}, noise {deviation}, seed {seed}") };

    public override bool IsCostly => deviation > 0 || source.IsCostly;

    public override void Read(int index, Span<float> input, Span<int> target) => Read(index, 0, input, target);

    public override void Read(int index, long epoch, Span<float> input, Span<int> target)
    {
        if (!_labels.TryTake(out var labels)) labels = new int[source.TargetShape.Length];
        source.Read(index, epoch, input, labels);
        _labels.Add(labels);
        for (var e = 0; e < input.Length; e++) target[e] = BitConverter.SingleToInt32Bits(input[e]);
        if (deviation == 0) return;
        // What a test sample looks like must not depend on when it is evaluated.
        var random = new RandomStream(set == "test" ? RandomKey.Of(seed, 0, _testPath) : RandomKey.Of(seed, (ulong)epoch, _path), (ulong)index);
        for (var e = 0; e < input.Length; e++) input[e] = MathF.FusedMultiplyAdd(deviation, random.NextNormal(), input[e]);
    }
}
