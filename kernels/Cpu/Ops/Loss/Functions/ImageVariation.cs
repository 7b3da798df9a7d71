namespace DistTrain.Kernels;

/// <summary>F = Σ |x[c, h + 1, w] - x[c, h, w]| + Σ |x[c, h, w + 1] - x[c, h, w]| of one image [C, H, W]; the derivative of |0| is 0.  Rudin, Osher, Fatemi 1992, in its anisotropic form.</summary>
public readonly unsafe struct ImageVariation(int height, int width) : IRowLossFunction
{
    public bool IsWeighted => false;

    public float Row(float* y, int length, int stride, float* target, float scale, float* dy, out float weight, out bool correct)
    {
        var loss = 0f;
        if (dy != null) new Span<float>(dy, length).Clear();
        for (var i = 0; i < length; i++)
        {
            if (i % width + 1 < width) loss += Pair(y, dy, i, i + 1, scale);
            if (i / width % height + 1 < height) loss += Pair(y, dy, i, i + width, scale);
        }
        (weight, correct) = (1f, false);
        return loss;
    }

    private static float Pair(float* y, float* dy, int at, int next, float scale)
    {
        var d = y[next] - y[at];
        if (dy != null && d != 0)
        {
            var slope = d > 0 ? scale : -scale;
            dy[next] += slope;
            dy[at] -= slope;
        }
        return MathF.Abs(d);
    }
}
