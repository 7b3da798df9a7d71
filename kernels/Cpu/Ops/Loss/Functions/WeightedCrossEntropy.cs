namespace DistTrain.Kernels;

/// <summary>
/// Softmax cross-entropy of one row with a weight for each class and a label that is ignored:  W = (1 - s)·w_t + s/K·Σ_k w_k ;
/// F = W·ln Σe^y - (1 - s)·w_t·y_t - s/K·Σ_k w_k·y_k ;  dF/dy_k = W·p_k - (1 - s)·w_t·[k = t] - s/K·w_k.  The row counts w_t.
/// </summary>
/// <param name="classWeights">[K], or null: all 1.</param>
/// <param name="ignored">A row with this label counts nothing.</param>
/// <param name="weighted">Rows are summed and divided by the sum of weights; otherwise scaled by the caller.</param>
public readonly unsafe struct WeightedCrossEntropy(float[]? classWeights, int? ignored, float smoothing, bool weighted) : IRowLossFunction
{
    public bool IsWeighted => weighted;

    public float Row(float* y, int length, int stride, float* target, float scale, float* dy, out float weight, out bool correct)
    {
        var label = *(int*)target;
        if (label == ignored)
        {
            (weight, correct) = (0f, false);
            for (var k = 0; k < length && dy != null; k++) dy[k * stride] = 0f;
            return 0f;
        }
        if ((uint)label >= (uint)length) throw new ArgumentOutOfRangeException(nameof(target), $"a label is {label}; it must be in [0, {length}){(ignored is { } i ? $", or {i}, which is ignored" : "")}.");
        var (max, best) = (y[0], 0);
        for (var k = 1; k < length; k++)
            if (y[k * stride] > max) (max, best) = (y[k * stride], k);
        var (sum, everywhere, shifted) = (0f, 0f, 0f);
        for (var k = 0; k < length; k++)
        {
            var w = classWeights is null ? 1f : classWeights[k];
            sum += Lane.Exp(Lane1.Of(y[k * stride] - max)).Value;
            everywhere += w;
            shifted += w * (y[k * stride] - max);
        }
        var share = smoothing / length;
        weight = classWeights is null ? 1f : classWeights[label];
        correct = best == label;
        var total = (1 - smoothing) * weight + share * everywhere;
        var loss = total * Lane.Log(Lane1.Of(sum)).Value - (1 - smoothing) * weight * (y[label * stride] - max) - share * shifted;
        for (var k = 0; k < length && dy != null; k++)
        {
            var wanted = share * (classWeights is null ? 1f : classWeights[k]) + (k == label ? (1 - smoothing) * weight : 0f);
            dy[k * stride] = (total * (Lane.Exp(Lane1.Of(y[k * stride] - max)).Value / sum) - wanted) * scale;
        }
        return loss;
    }
}
