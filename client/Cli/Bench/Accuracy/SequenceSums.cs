using DistTrain.Kernels;

namespace DistTrain.Cli;

internal sealed class SequenceSums(CpuDevice device, int samples) : SumCheck(device)
{
    private const int Steps = 64;

    public override IEnumerable<SumAccuracy> All() => Attention(new AttentionShape(Steps, 4, 32, Causal: true)).Concat(Lstm(64, 256)).Append(Table(65, 128));

    private IEnumerable<SumAccuracy> Attention(AttentionShape s)
    {
        var (row, width, name) = (s.RowLength, s.Width, $"{samples} x {s.Steps} x {s.Heads} heads of {s.Width}");
        View qkv = Normal(samples * Steps * 3 * row), y = Empty(samples * Steps * row), weights = Empty(samples * s.Heads * Steps * Steps), dy = Normal(y.Length), dQkv = Empty(qkv.Length);
        Device.Op<IAttention>().Forward(s, samples, qkv, y, weights);
        Device.Op<IAttention>().Backward(s, samples, qkv, weights, dy, dQkv);
        // [sample, head] -> softmax and its gradient, [query, key].
        var cache = new Dictionary<(int, int), (double[,] P, double[,] DS)>();
        yield return Compare("attention", name, Steps, y, i =>
        {
            var (n, t, h, d) = (i / (Steps * row), i / row % Steps, i % row / width, i % width);
            return DenseSums.Sum(t + 1, k => Head(n, h).P[t, k] * At(n, k, 2, h, d));
        });
        yield return Compare("attention, gradients", name, Steps, dQkv, i =>
        {
            var (n, t, part, h, d) = (i / (Steps * 3 * row), i / (3 * row) % Steps, i / row % 3, i % row / width, i % width);
            var (p, ds) = Head(n, h);
            return part switch
            {
                0 => DenseSums.Sum(t + 1, k => ds[t, k] * At(n, k, 1, h, d)),
                1 => DenseSums.Sum(Steps - t, q => ds[t + q, t] * At(n, t + q, 0, h, d)),
                _ => DenseSums.Sum(Steps - t, q => p[t + q, t] * dy.AsSpan()[(n * Steps + t + q) * row + h * width + d]),
            };
        });

        double At(int n, int t, int part, int h, int d) => qkv.AsSpan()[((n * Steps + t) * 3 + part) * row + h * width + d];
        (double[,] P, double[,] DS) Head(int n, int h)
        {
            if (cache.TryGetValue((n, h), out var known)) return known;
            var (p, ds) = (new double[Steps, Steps], new double[Steps, Steps]);
            for (var t = 0; t < Steps; t++)
            {
                for (var k = 0; k <= t; k++) p[t, k] = Math.Exp(DenseSums.Sum(width, d => At(n, t, 0, h, d) * At(n, k, 1, h, d)) / Math.Sqrt(width));
                var total = DenseSums.Sum(t + 1, k => p[t, k]);
                for (var k = 0; k <= t; k++)
                {
                    p[t, k] /= total;
                    ds[t, k] = DenseSums.Sum(width, d => dy.AsSpan()[(n * Steps + t) * row + h * width + d] * At(n, k, 2, h, d));
                }
                var mean = DenseSums.Sum(t + 1, k => ds[t, k] * p[t, k]);
                for (var k = 0; k <= t; k++) ds[t, k] = p[t, k] * (ds[t, k] - mean) / Math.Sqrt(width);
            }
            return cache[(n, h)] = (p, ds);
        }
    }

    // The weights' gradients are sums over all rows of the gates' gradients that the op itself found: those are rounded already, their sum is what is looked at.
    private IEnumerable<SumAccuracy> Lstm(int inputs, int hidden)
    {
        var (shape, rows, gateRow, name) = (new LstmShape(Steps, inputs, hidden), samples * Steps, 4 * hidden, $"{samples} x {Steps}, {inputs} -> {hidden}");
        View x = Normal(rows * inputs), wi = Normal(gateRow * inputs, 0.06f), wh = Normal(gateRow * hidden, 0.06f), bi = Normal(gateRow, 0.06f), bh = Normal(gateRow, 0.06f);
        View y = Empty(rows * hidden), gates = Empty(rows * gateRow), cells = Empty(rows * hidden), dy = Normal(rows * hidden), dGates = Empty(rows * gateRow), dx = Empty(rows * inputs);
        View dwi = Empty(wi.Length), dwh = Empty(wh.Length), dbi = Empty(gateRow), dbh = Empty(gateRow);
        var lstm = Device.Op<ILstm>();
        lstm.Forward(shape, samples, x, wi, wh, bi, bh, View.None, View.None, y, gates, cells);
        var (h, c) = (new double[Steps + 1, hidden], new double[hidden]);
        for (var t = 0; t < Steps; t++)
        {
            var now = new double[gateRow];
            for (var g = 0; g < gateRow; g++)
                now[g] = bi.AsSpan()[g] + bh.AsSpan()[g] + DenseSums.Sum(inputs, k => (double)x.AsSpan()[t * inputs + k] * wi.AsSpan()[g * inputs + k]) + DenseSums.Sum(hidden, k => h[t, k] * wh.AsSpan()[g * hidden + k]);
            for (var j = 0; j < hidden; j++)
            {
                c[j] = Sigmoid(now[hidden + j]) * c[j] + Sigmoid(now[j]) * Math.Tanh(now[2 * hidden + j]);
                h[t + 1, j] = Sigmoid(now[3 * hidden + j]) * Math.Tanh(c[j]);
            }
        }
        yield return Compare("lstm, all steps of a sample", name, inputs + hidden, y.Part(0, Steps * hidden), i => h[i / hidden + 1, i % hidden]);
        lstm.Backward(shape, Segments.One(samples), x, wi, wh, View.None, View.None, y, gates, cells, dy, dGates, dx, dwi, dwh, dbi, dbh);
        yield return Compare("lstm, input weights' gradient", name, rows, dwi, i => DenseSums.Sum(rows, r => (double)dGates.AsSpan()[r * gateRow + i / inputs] * x.AsSpan()[r * inputs + i % inputs]));
        yield return Compare("lstm, hidden weights' gradient", name, rows, dwh, i => DenseSums.Sum(rows, r => r % Steps == 0 ? 0 : (double)dGates.AsSpan()[r * gateRow + i / hidden] * y.AsSpan()[(r - 1) * hidden + i % hidden]));
        yield return Compare("lstm, bias gradient", name, rows, dbi, g => DenseSums.Sum(rows, r => dGates.AsSpan()[r * gateRow + g]));
        yield return Compare("lstm, input gradient", name, gateRow, dx, i => DenseSums.Sum(gateRow, g => (double)dGates.AsSpan()[i / inputs * gateRow + g] * wi.AsSpan()[g * inputs + i % inputs]));
    }

    private SumAccuracy Table(int vocabulary, int width)
    {
        var rows = samples * Steps;
        View ids = Empty(rows), dy = Normal(rows * width), table = Empty(vocabulary * width);
        for (var r = 0; r < rows; r++) ids.AsSpan()[r] = r * 31 % vocabulary;
        Device.Op<IEmbedding>().BackwardTable(Segments.One(samples), Steps, vocabulary, width, ids, dy, table);
        return Compare("embedding, table's gradient", $"{rows} rows, {vocabulary} x {width}", rows / vocabulary, table, i => DenseSums.Sum(rows, r => (int)ids.AsSpan()[r] == i / width ? dy.AsSpan()[r * width + i % width] : 0));
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
