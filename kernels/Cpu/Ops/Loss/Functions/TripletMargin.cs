namespace DistTrain.Kernels;

/// <summary>F = max(0, ‖a - p‖² - ‖a - n‖² + m) of one row [3, D]: anchor, positive, negative.  Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832. Correct: the positive is nearer.</summary>
public readonly unsafe struct TripletMargin(float margin) : IRowLossFunction
{
    public bool IsWeighted => false;

    public float Row(float* y, int length, int stride, float* target, float scale, float* dy, out float weight, out bool correct)
    {
        var d = length / 3;
        var (near, far) = (0f, 0f);
        for (var i = 0; i < d; i++)
        {
            var (ap, an) = (y[i] - y[d + i], y[i] - y[2 * d + i]);
            near = MathF.FusedMultiplyAdd(ap, ap, near);
            far = MathF.FusedMultiplyAdd(an, an, far);
        }
        (weight, correct) = (1f, near < far);
        var loss = near - far + margin;
        var open = loss <= 0 ? 0f : 2 * scale; // NaN is open: its gradient and its loss are NaN
        for (var i = 0; i < d && dy != null; i++)
        {
            dy[i] = open * (y[2 * d + i] - y[d + i]);
            dy[d + i] = open * (y[d + i] - y[i]);
            dy[2 * d + i] = open * (y[i] - y[2 * d + i]);
        }
        return loss <= 0 ? 0f : loss;
    }
}
