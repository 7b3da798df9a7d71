namespace DistTrain.Kernels;

/// <summary>KL(t ‖ softmax(y)) of one row: F = Σ_k t_k·(ln t_k - ln p_k), 0·ln 0 = 0 ;  dF/dy_k = p_k·Σt - t_k.</summary>
public readonly unsafe struct DivergenceLoss : IRowLossFunction
{
    public bool IsWeighted => false;

    public float Row(float* y, int length, int stride, float* target, float scale, float* dy, out float weight, out bool correct)
    {
        var (max, best, wanted) = (y[0], 0, 0);
        for (var k = 1; k < length; k++)
        {
            if (y[k * stride] > max) (max, best) = (y[k * stride], k);
            if (target[k] > target[wanted]) wanted = k;
        }
        var (sum, mass, loss) = (0f, 0f, 0f);
        for (var k = 0; k < length; k++)
        {
            sum += Lane.Exp(Lane1.Of(y[k * stride] - max)).Value;
            mass += target[k];
        }
        var log = Lane.Log(Lane1.Of(sum)).Value;
        for (var k = 0; k < length; k++)
        {
            var entropy = target[k] > 0 ? Lane.Log(Lane1.Of(target[k])).Value : 0f;
            loss += target[k] * (entropy - (y[k * stride] - max - log));
            if (dy != null) dy[k * stride] = (Lane.Exp(Lane1.Of(y[k * stride] - max)).Value / sum * mass - target[k]) * scale;
        }
        (weight, correct) = (1f, best == wanted);
        return loss;
    }
}
