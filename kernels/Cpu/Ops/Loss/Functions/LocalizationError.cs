namespace DistTrain.Kernels;

/// <summary>F = (y_0 - t_0)² + t_0·Σ_{i ≥ 1} (y_i - t_i)² of one row: where there is no object (t_0 = 0), only the first element counts.</summary>
public readonly unsafe struct LocalizationError : IRowLossFunction
{
    public bool IsWeighted => false;

    public float Row(float* y, int length, int stride, float* target, float scale, float* dy, out float weight, out bool correct)
    {
        var loss = 0f;
        for (var i = 0; i < length; i++)
        {
            var counts = i == 0 ? 1f : target[0];
            var d = y[i * stride] - target[i];
            loss = MathF.FusedMultiplyAdd(counts * d, d, loss);
            if (dy != null) dy[i * stride] = 2 * counts * d * scale;
        }
        (weight, correct) = (1f, y[0] > 0.5f == target[0] > 0.5f);
        return loss;
    }
}
