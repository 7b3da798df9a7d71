using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Training;

/// <summary>Images [1, 8, 8] of four classes: a fixed pattern for each class under noise. A pure function of (seed, index).</summary>
internal sealed class SyntheticImages : Dataset
{
    private readonly float[] _pixels;
    private readonly int[] _labels;

    public SyntheticImages(int count, ulong seed)
    {
        (_pixels, _labels) = (new float[count * 64], new int[count]);
        for (var i = 0; i < count; i++)
        {
            _labels[i] = i * 7 % Classes;
            for (var p = 0; p < 64; p++)
            {
                var pattern = (Philox.Block((ulong)(_labels[i] * 64 + p), 1, 99).W0 & 3) == 0 ? 1f : 0f;
                var noise = Philox.Block((ulong)(i * 64 + p), 2, seed).W0 * (1f / 4294967296f);
                _pixels[i * 64 + p] = pattern + 1.5f * (noise - 0.5f);
            }
        }
    }

    public override int Count => _labels.Length;

    public override Shape InputShape { get; } = new(1, 8, 8);

    public override Shape TargetShape { get; } = new();

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes => 4;

    public override DatasetIdentity Identity => new("synthetic", _pixels.Length * 4L, new string('0', 64));

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        _pixels.AsSpan(index * 64, 64).CopyTo(input);
        target[0] = _labels[index];
    }
}
