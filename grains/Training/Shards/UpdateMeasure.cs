using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>How much an update changes a shard's weights: sums of squares by block, in double, elements in order. It looks and changes nothing.</summary>
internal sealed class UpdateMeasure(ParameterLayout layout, ShardRange range)
{
    private readonly float[] _before = new float[range.Length];
    private double[]? _updates;
    private double[]? _weights;

    public void Before(ReadOnlySpan<float> weights) => weights.CopyTo(_before);

    public void After(ReadOnlySpan<float> weights)
    {
        (_updates, _weights) = (new double[range.BlockCount], new double[range.BlockCount]);
        for (var b = 0; b < range.BlockCount; b++)
        {
            var block = layout.Blocks[range.FirstBlock + b];
            if (layout.Slices[block.Slice].Kind != SliceKind.Parameter) continue;
            var at = block.Offset - range.Offset;
            double changed = 0, was = 0;
            for (var i = at; i < at + block.Length; i++)
            {
                var difference = (double)weights[i] - _before[i];
                changed += difference * difference;
                was += (double)_before[i] * _before[i];
            }
            (_updates[b], _weights[b]) = (changed, was);
        }
    }

    /// <summary>What was measured last, once.</summary>
    public (double[] Updates, double[] Weights)? Take()
    {
        if (_updates is null) return null;
        var taken = (_updates, _weights!);
        (_updates, _weights) = (null, null);
        return taken;
    }
}
