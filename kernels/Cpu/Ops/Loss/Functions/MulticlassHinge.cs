namespace DistTrain.Kernels;

/// <summary>F = 1/K·Σ_{k ≠ t} max(0, m - y_t + y_k)^p of one row, p 1 or 2.  Weston, Watkins 1999; as PyTorch's multi_margin_loss.</summary>
public readonly unsafe struct MulticlassHinge(float margin, int power) : IRowLossFunction
{
    public bool IsWeighted => false;

    public float Row(float* y, int length, int stride, float* target, float scale, float* dy, out float weight, out bool correct)
    {
        var label = *(int*)target;
        if ((uint)label >= (uint)length) throw new ArgumentOutOfRangeException(nameof(target), $"a label is {label}; it must be in [0, {length}).");
        var (best, loss, pull) = (0, 0f, 0f);
        for (var k = 0; k < length; k++)
        {
            if (y[k * stride] > y[best * stride]) best = k;
            var gap = k == label ? 0f : margin - y[label * stride] + y[k * stride];
            var open = gap <= 0 ? 0f : gap; // NaN stays NaN
            var slope = (open <= 0 ? 0f : power == 2 ? 2 * open : 1f) / length;
            loss += power == 2 ? open * open : open;
            pull += slope;
            if (dy != null) dy[k * stride] = slope * scale;
        }
        if (dy != null) dy[label * stride] = -pull * scale;
        (weight, correct) = (1f, best == label);
        return loss / length;
    }
}
