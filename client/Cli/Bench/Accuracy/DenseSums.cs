using DistTrain.Kernels;

namespace DistTrain.Cli;

internal sealed class DenseSums(CpuDevice device, int images, int texts) : SumCheck(device)
{
    private const int Steps = 64;

    public override IEnumerable<SumAccuracy> All()
    {
        var linear = Device.Op<ILinear>();
        foreach (var (perSample, inputs, outputs) in new[]
        {
            (1, 784, 512), (1, 512, 512), (1, 512, 10), (1, 400, 120), (1, 120, 84), (1, 84, 10), (1, 256, 10),
            (Steps, 64, 1024), (Steps, 256, 65), (Steps, 128, 384), (Steps, 128, 128), (Steps, 128, 512), (Steps, 512, 128), (Steps, 128, 65),
        })
        {
            var (samples, name) = (perSample == 1 ? images : texts, $"{inputs} -> {outputs}");
            var rows = samples * perSample;
            View x = Normal(rows * inputs), w = Normal(inputs * outputs, 0.1f), dy = Normal(rows * outputs), y = Empty(rows * outputs), dx = Empty(rows * inputs), dw = Empty(inputs * outputs), dBias = Empty(outputs);
            linear.Forward(rows, inputs, outputs, x, w, View.None, y, Epilogue.None);
            yield return Compare("linear", name, inputs, y, i => Sum(inputs, k => (double)x.AsSpan()[i / outputs * inputs + k] * w.AsSpan()[i % outputs * inputs + k]));
            linear.BackwardInput(rows, inputs, outputs, dy, w, dx);
            yield return Compare("linear, input gradient", name, outputs, dx, i => Sum(outputs, k => (double)dy.AsSpan()[i / inputs * outputs + k] * w.AsSpan()[k * inputs + i % inputs]));
            linear.BackwardWeights(Segments.One(samples), perSample, inputs, outputs, x, dy, dw, dBias);
            yield return Compare("linear, weight gradient", name, rows, dw, i => Sum(rows, r => (double)dy.AsSpan()[r * outputs + i / inputs] * x.AsSpan()[r * inputs + i % inputs]));
            yield return Compare("linear, bias gradient", name, rows, dBias, o => Sum(rows, r => dy.AsSpan()[r * outputs + o]));
        }
        yield return BlockSquares();
        foreach (var (rows, classes, samples) in new[] { (images, 10, images), (texts * Steps, 65, texts) }) yield return CrossEntropySum(rows, classes, samples);
    }

    private SumAccuracy BlockSquares()
    {
        var (gradient, squares) = (Normal(1 << 16), new double[16]);
        Device.Op<IBlockNorm>().SumOfSquares(gradient, [.. Enumerable.Range(0, 16).Select(b => b << 12)], [.. Enumerable.Repeat(1 << 12, 16)], squares);
        var result = Empty(16);
        for (var b = 0; b < 16; b++) result.AsSpan()[b] = (float)squares[b];
        return Compare("sum of squares of a block", "4096", 4096, result, b => Sum(1 << 12, i => (double)gradient.AsSpan()[(b << 12) + i] * gradient.AsSpan()[(b << 12) + i]));
    }

    private SumAccuracy CrossEntropySum(int rows, int classes, int samples)
    {
        View logits = Normal(rows * classes), labels = Empty(rows), gradient = Empty(rows * classes), metrics = Empty(4);
        for (var r = 0; r < rows; r++) labels.AsInts()[r] = r % classes;
        Device.Op<ISoftmaxCrossEntropy>().Forward(Segments.One(samples), rows / samples, classes, logits, labels, 1f / rows, 0, gradient, metrics);
        return Compare("cross-entropy", $"{rows} rows of {classes}", rows, metrics.Part(0, 1), _ => Sum(rows, r =>
            Math.Log(Sum(classes, k => Math.Exp(logits.AsSpan()[r * classes + k]))) - logits.AsSpan()[r * classes + r % classes]) / rows);
    }

    internal static double Sum(int count, Func<int, double> term)
    {
        var sum = 0.0;
        for (var i = 0; i < count; i++) sum += term(i);
        return sum;
    }
}
