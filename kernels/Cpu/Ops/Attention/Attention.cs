namespace DistTrain.Kernels;

/// <summary>Rows of q, k and v side by side: [N, Steps, 3, Heads, Width].</summary>
/// <param name="Width">Elements of one head.</param>
/// <param name="Causal">A query sees the keys up to its own position.</param>
public readonly record struct AttentionShape(int Steps, int Heads, int Width, bool Causal)
{
    /// <summary>A causal query's sums run over whole blocks of so many keys; those past its position weigh 0.</summary>
    public const int KeyBlock = 16;

    /// <summary>Elements of one row of the output.</summary>
    public int RowLength => Heads * Width;

    /// <summary>Keys that the sums of query <paramref name="step"/> run over.</summary>
    public int Keys(int step) => Causal ? Math.Min(Steps, (step / KeyBlock + 1) * KeyBlock) : Steps;

    /// <summary>The first query whose sums reach key <paramref name="step"/>.</summary>
    public int FirstQuery(int step) => Causal ? step / KeyBlock * KeyBlock : 0;
}

/// <summary>y = softmax(q·kᵀ / √Width)·v for each sample and head. Vaswani et al. 2017, arXiv:1706.03762.</summary>
/// <remarks>
/// Products are FMA chains from +0: q·k over the head's elements, weights·v over keys in order, gradients of k and v over queries in order. A row's
/// softmax is that of <see cref="ISoftmax"/> over the keys that the query sees.
/// </remarks>
public interface IAttention : IOp
{
    /// <param name="qkv">[N, Steps, 3, Heads, Width].</param>
    /// <param name="y">[N, Steps, Heads, Width], overwritten.</param>
    /// <param name="weights">[N, Heads, Steps, Steps] after the softmax, saved for the backward pass, overwritten; 0 where a key is not seen.</param>
    void Forward(in AttentionShape shape, int samples, View qkv, View y, View weights);

    /// <summary>dP = dy·vᵀ, dS = P·(dP - Σ dP·P) / √Width;  dq = dS·k, dk = dSᵀ·q, dv = Pᵀ·dy.</summary>
    /// <param name="dQkv">As qkv, overwritten.</param>
    void Backward(in AttentionShape shape, int samples, View qkv, View weights, View dy, View dQkv);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class AttentionReference : IAttention
{
    public AttentionReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in AttentionShape shape, int samples, View qkv, View y, View weights)
    {
        Expect(shape, samples, qkv, y, weights);
        var (steps, width, scale, row) = (shape.Steps, shape.Width, Scale(shape), 3L * shape.RowLength);
        for (var unit = 0; unit < samples * shape.Heads; unit++)
        {
            var q = qkv.Floats() + unit / shape.Heads * steps * row + unit % shape.Heads * width;
            float* k = q + shape.RowLength, v = k + shape.RowLength;
            for (var i = 0; i < steps; i++)
            {
                var p = weights.Floats() + ((long)unit * steps + i) * steps;
                var seen = shape.Causal ? i + 1 : steps;
                for (var j = 0; j < steps; j++) p[j] = j < seen ? Dot(q + i * row, k + j * row, width) * scale : 0f;
                SoftmaxReference.Row(p, p, seen, logarithm: false);
                for (var c = 0; c < width; c++)
                {
                    var sum = 0f;
                    for (var j = 0; j < shape.Keys(i); j++) sum = MathF.FusedMultiplyAdd(p[j], v[j * row + c], sum);
                    y.Floats()[((long)(unit / shape.Heads) * steps + i) * shape.RowLength + unit % shape.Heads * width + c] = sum;
                }
            }
        }
    }

    public void Backward(in AttentionShape shape, int samples, View qkv, View weights, View dy, View dQkv)
    {
        Expect(shape, samples, qkv, dy, weights);
        OperandCheck.Shape("attention", "dQkv", dQkv, qkv.Length);
        var (steps, width, scale, row, dRow) = (shape.Steps, shape.Width, Scale(shape), 3L * shape.RowLength, (long)shape.RowLength);
        var s = new float[steps * steps];
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        for (var unit = 0; unit < samples * shape.Heads; unit++)
        {
            var at = unit / shape.Heads * steps * row + unit % shape.Heads * width;
            float* q = qkv.Floats() + at, k = q + shape.RowLength, v = k + shape.RowLength, p = weights.Floats() + (long)unit * steps * steps;
            float* dq = dQkv.Floats() + at, dk = dq + shape.RowLength, dv = dk + shape.RowLength, g = dy.Floats() + unit / shape.Heads * steps * dRow + unit % shape.Heads * width;
            for (var i = 0; i < steps; i++)
            {
                var seen = shape.Causal ? i + 1 : steps;
                lanes.Clear();
                for (var j = 0; j < seen; j++)
                {
                    s[i * steps + j] = Dot(g + i * dRow, v + j * row, width);
                    lanes[j % 16] = MathF.FusedMultiplyAdd(s[i * steps + j], p[i * steps + j], lanes[j % 16]);
                }
                var sum = LaneFold.Sum(lanes);
                for (var j = 0; j < steps; j++) s[i * steps + j] = j < seen ? p[i * steps + j] * (s[i * steps + j] - sum) * scale : 0f;
            }
            for (var i = 0; i < steps; i++)
                for (var c = 0; c < width; c++)
                {
                    var (toQ, toK, toV) = (0f, 0f, 0f);
                    for (var j = 0; j < shape.Keys(i); j++) toQ = MathF.FusedMultiplyAdd(s[i * steps + j], k[j * row + c], toQ);
                    for (var j = shape.FirstQuery(i); j < steps; j++)
                    {
                        toK = MathF.FusedMultiplyAdd(s[j * steps + i], q[j * row + c], toK);
                        toV = MathF.FusedMultiplyAdd(p[j * steps + i], g[j * dRow + c], toV);
                    }
                    (dq[i * row + c], dk[i * row + c], dv[i * row + c]) = (toQ, toK, toV);
                }
        }
    }

    internal static float Scale(in AttentionShape shape) => 1 / MathF.Sqrt(shape.Width);

    internal static void Expect(in AttentionShape shape, int samples, View qkv, View y, View weights)
    {
        OperandCheck.Positive("attention", "steps", shape.Steps);
        OperandCheck.Positive("attention", "heads", shape.Heads);
        OperandCheck.Positive("attention", "width", shape.Width);
        OperandCheck.Shape("attention", "qkv", qkv, samples, shape.Steps, 3, shape.Heads, shape.Width);
        OperandCheck.Shape("attention", "y", y, samples, shape.Steps, shape.Heads, shape.Width);
        OperandCheck.Shape("attention", "weights", weights, samples, shape.Heads, shape.Steps, shape.Steps);
    }

    private static float Dot(float* a, float* b, int width)
    {
        var sum = 0f;
        for (var c = 0; c < width; c++) sum = MathF.FusedMultiplyAdd(a[c], b[c], sum);
        return sum;
    }
}
