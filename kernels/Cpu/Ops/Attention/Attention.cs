namespace DistTrain.Kernels;

/// <summary>Queries [N, Steps, Heads, Width] that look at keys and values [N, KeySteps, Heads, Width].</summary>
/// <param name="Steps">Queries of a sample; as many keys, unless <see cref="KeySteps"/> says otherwise.</param>
/// <param name="Width">Elements of one head.</param>
/// <param name="Causal">A query sees the keys up to its own position.</param>
public readonly record struct AttentionShape(int Steps, int Heads, int Width, bool Causal)
{
    /// <summary>A causal query's sums run over whole blocks of so many keys; those past its position weigh 0.</summary>
    public const int KeyBlock = 16;

    /// <summary>The score of a key that is padding: its weight is 0 beside any other's. Where all keys of a sample are padding, they weigh the same.</summary>
    public const float Hidden = -1e30f;

    private readonly int _keySteps;

    /// <summary>Keys of a sample.</summary>
    public int KeySteps
    {
        get => _keySteps > 0 ? _keySteps : Steps;
        init => _keySteps = value;
    }

    /// <summary>Keys with this token are padding, where tokens are given.</summary>
    public float Padding { get; init; }

    /// <summary>Elements of one row of the output.</summary>
    public int RowLength => Heads * Width;

    /// <summary>Keys that the sums of query <paramref name="step"/> run over.</summary>
    public int Keys(int step) => Causal ? Math.Min(Steps, (step / KeyBlock + 1) * KeyBlock) : KeySteps;

    /// <summary>The first query whose sums reach key <paramref name="step"/>.</summary>
    public int FirstQuery(int step) => Causal ? step / KeyBlock * KeyBlock : 0;
}

/// <summary>Queries, keys and values, or their gradients.</summary>
/// <param name="Q">[N, Steps, Heads, Width]; without K and V all three side by side: [N, Steps, 3, Heads, Width].</param>
/// <param name="K">[N, KeySteps, Heads, Width], or absent.</param>
/// <param name="V">As K.</param>
public readonly record struct AttentionOperands(View Q, View K, View V)
{
    /// <summary>[N, KeySteps]: the token of each key, or absent: no key is padding.</summary>
    public View Tokens { get; init; }

    /// <summary>[N, Heads, Steps, KeySteps]: what each weight is multiplied by behind the softmax (dropout), or absent.</summary>
    public View Keep { get; init; }

    public bool IsPacked => K.IsNone;

    /// <summary>Q, k and v side by side.</summary>
    public static implicit operator AttentionOperands(View packed) => new(packed, View.None, View.None);
}

/// <summary>y = (keep ∘ softmax(q·kᵀ / √Width))·v for each sample and head. Vaswani et al. 2017, arXiv:1706.03762.</summary>
/// <remarks>
/// Products are FMA chains from +0: q·k over the head's elements, weights·v over keys in order, gradients of k and v over queries in order. A row's
/// softmax is that of <see cref="ISoftmax"/> over the keys that the query sees.
/// </remarks>
public interface IAttention : IOp
{
    /// <param name="x">Queries, keys and values.</param>
    /// <param name="y">[N, Steps, Heads, Width], overwritten.</param>
    /// <param name="weights">[N, Heads, Steps, KeySteps] after the softmax, saved for the backward pass, overwritten; 0 where a key is not seen.</param>
    void Forward(in AttentionShape shape, int samples, in AttentionOperands x, View y, View weights);

    /// <summary>A = keep ∘ P;  dP = keep ∘ (dy·vᵀ), dS = P·(dP - Σ dP·P) / √Width;  dq = dS·k, dk = dSᵀ·q, dv = Aᵀ·dy.</summary>
    /// <param name="dx">As x, overwritten.</param>
    void Backward(in AttentionShape shape, int samples, in AttentionOperands x, View weights, View dy, in AttentionOperands dx);
}

/// <summary>Where the rows of q, k and v lie.</summary>
internal readonly unsafe struct AttentionRows
{
    public readonly float* Q, K, V;

    /// <summary>From a row to the next one.</summary>
    public readonly long QRow, KRow;

    private readonly AttentionShape _shape;

    public AttentionRows(in AttentionShape shape, in AttentionOperands x)
    {
        _shape = shape;
        var packed = x.IsPacked;
        (QRow, KRow) = packed ? (3L * shape.RowLength, 3L * shape.RowLength) : (shape.RowLength, shape.RowLength);
        Q = x.Q.IsNone ? null : x.Q.Floats();
        K = Q == null ? null : packed ? Q + shape.RowLength : x.K.Floats();
        V = Q == null ? null : packed ? Q + 2 * shape.RowLength : x.V.Floats();
    }

    /// <summary>From a sample's and head's first element.</summary>
    public long QueryAt(int unit) => (long)(unit / _shape.Heads) * _shape.Steps * QRow + unit % _shape.Heads * _shape.Width;

    public long KeyAt(int unit) => (long)(unit / _shape.Heads) * _shape.KeySteps * KRow + unit % _shape.Heads * _shape.Width;
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class AttentionReference : IAttention
{
    public AttentionReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(in AttentionShape shape, int samples, in AttentionOperands x, View y, View weights)
    {
        Expect(shape, samples, x, y, weights);
        var (rows, steps, keys, width, scale) = (new AttentionRows(shape, x), shape.Steps, shape.KeySteps, shape.Width, Scale(shape));
        for (var unit = 0; unit < samples * shape.Heads; unit++)
        {
            float* q = rows.Q + rows.QueryAt(unit), k = rows.K + rows.KeyAt(unit), v = rows.V + rows.KeyAt(unit);
            for (var i = 0; i < steps; i++)
            {
                var p = weights.Floats() + ((long)unit * steps + i) * keys;
                var keep = x.Keep.IsNone ? null : x.Keep.Floats() + ((long)unit * steps + i) * keys;
                var seen = shape.Causal ? i + 1 : keys;
                for (var j = 0; j < keys; j++) p[j] = j < seen ? Dot(q + i * rows.QRow, k + j * rows.KRow, width) * scale : 0f;
                if (!x.Tokens.IsNone) Hide(p, x.Tokens.Floats() + (long)(unit / shape.Heads) * keys, seen, shape.Padding);
                SoftmaxReference.Row(p, p, seen, logarithm: false);
                for (var c = 0; c < width; c++)
                {
                    var sum = 0f;
                    for (var j = 0; j < shape.Keys(i); j++) sum = MathF.FusedMultiplyAdd(keep == null ? p[j] : p[j] * keep[j], v[j * rows.KRow + c], sum);
                    y.Floats()[((long)(unit / shape.Heads) * steps + i) * shape.RowLength + unit % shape.Heads * width + c] = sum;
                }
            }
        }
    }

    public void Backward(in AttentionShape shape, int samples, in AttentionOperands x, View weights, View dy, in AttentionOperands dx)
    {
        Expect(shape, samples, x, dy, weights);
        ExpectSame(x, dx);
        var (rows, to, steps, keys, width, scale, dRow) = (new AttentionRows(shape, x), new AttentionRows(shape, dx), shape.Steps, shape.KeySteps, shape.Width, Scale(shape), (long)shape.RowLength);
        var s = new float[steps * keys];
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        for (var unit = 0; unit < samples * shape.Heads; unit++)
        {
            var (queryAt, keyAt) = (rows.QueryAt(unit), rows.KeyAt(unit));
            float* q = rows.Q + queryAt, k = rows.K + keyAt, v = rows.V + keyAt, p = weights.Floats() + (long)unit * steps * keys;
            float* dq = to.Q + queryAt, dk = to.K + keyAt, dv = to.V + keyAt, g = dy.Floats() + unit / shape.Heads * steps * dRow + unit % shape.Heads * width;
            var keep = x.Keep.IsNone ? null : x.Keep.Floats() + (long)unit * steps * keys;
            for (var i = 0; i < steps; i++)
            {
                var seen = shape.Causal ? i + 1 : keys;
                lanes.Clear();
                for (var j = 0; j < seen; j++)
                {
                    var slope = Dot(g + i * dRow, v + j * rows.KRow, width);
                    s[i * keys + j] = keep == null ? slope : slope * keep[i * keys + j];
                    lanes[j % 16] = MathF.FusedMultiplyAdd(s[i * keys + j], p[i * keys + j], lanes[j % 16]);
                }
                var sum = LaneFold.Sum(lanes);
                for (var j = 0; j < keys; j++) s[i * keys + j] = j < seen ? p[i * keys + j] * (s[i * keys + j] - sum) * scale : 0f;
            }
            for (var i = 0; i < steps; i++)
                for (var c = 0; c < width; c++)
                {
                    var toQ = 0f;
                    for (var j = 0; j < shape.Keys(i); j++) toQ = MathF.FusedMultiplyAdd(s[i * keys + j], k[j * rows.KRow + c], toQ);
                    dq[i * rows.QRow + c] = toQ;
                }
            for (var j = 0; j < keys; j++)
                for (var c = 0; c < width; c++)
                {
                    var (toK, toV) = (0f, 0f);
                    for (var i = shape.FirstQuery(j); i < steps; i++)
                    {
                        toK = MathF.FusedMultiplyAdd(s[i * keys + j], q[i * rows.QRow + c], toK);
                        toV = MathF.FusedMultiplyAdd(keep == null ? p[i * keys + j] : p[i * keys + j] * keep[i * keys + j], g[i * dRow + c], toV);
                    }
                    (dk[j * rows.KRow + c], dv[j * rows.KRow + c]) = (toK, toV);
                }
        }
    }

    internal static float Scale(in AttentionShape shape) => 1 / MathF.Sqrt(shape.Width);

    internal static void Hide(float* scores, float* tokens, int seen, float padding)
    {
        for (var j = 0; j < seen; j++)
            if (tokens[j] == padding) scores[j] = AttentionShape.Hidden;
    }

    internal static void Expect(in AttentionShape shape, int samples, in AttentionOperands x, View y, View weights)
    {
        OperandCheck.Positive("attention", "steps", shape.Steps);
        OperandCheck.Positive("attention", "heads", shape.Heads);
        OperandCheck.Positive("attention", "width", shape.Width);
        if (x.IsPacked) OperandCheck.Shape("attention", "qkv", x.Q, samples, shape.Steps, 3, shape.Heads, shape.Width);
        else
        {
            OperandCheck.Shape("attention", "q", x.Q, samples, shape.Steps, shape.Heads, shape.Width);
            OperandCheck.Shape("attention", "k", x.K, samples, shape.KeySteps, shape.Heads, shape.Width);
            OperandCheck.Shape("attention", "v", x.V, samples, shape.KeySteps, shape.Heads, shape.Width);
        }
        if ((x.IsPacked || shape.Causal) && shape.KeySteps != shape.Steps) throw new ArgumentException($"attention has {shape.Steps} queries and {shape.KeySteps} keys. They must be as many where rows hold all three, and where it is causal.", nameof(shape));
        if (!x.Tokens.IsNone) OperandCheck.Shape("attention", "tokens", x.Tokens, samples, shape.KeySteps);
        if (!x.Keep.IsNone) OperandCheck.Shape("attention", "keep", x.Keep, samples, shape.Heads, shape.Steps, shape.KeySteps);
        OperandCheck.Shape("attention", "y", y, samples, shape.Steps, shape.Heads, shape.Width);
        OperandCheck.Shape("attention", "weights", weights, samples, shape.Heads, shape.Steps, shape.KeySteps);
    }

    internal static void ExpectSame(in AttentionOperands x, in AttentionOperands dx)
    {
        OperandCheck.Shape("attention", "dQ", dx.Q, x.Q.Length);
        if (x.IsPacked) return;
        OperandCheck.Shape("attention", "dK", dx.K, x.K.Length);
        OperandCheck.Shape("attention", "dV", dx.V, x.V.Length);
    }

    private static float Dot(float* a, float* b, int width)
    {
        var sum = 0f;
        for (var c = 0; c < width; c++) sum = MathF.FusedMultiplyAdd(a[c], b[c], sum);
        return sum;
    }
}
