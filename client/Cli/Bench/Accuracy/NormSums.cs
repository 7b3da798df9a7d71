using DistTrain.Kernels;

namespace DistTrain.Cli;

internal sealed class NormSums(CpuDevice device, int images, int texts) : SumCheck(device)
{
    private const double Epsilon = 1e-5f;

    public override IEnumerable<SumAccuracy> All()
    {
        foreach (var (channels, side) in new[] { (32, 32), (64, 32), (64, 16), (128, 16), (128, 8), (256, 8), (512, 4) })
            foreach (var accuracy in Batch(channels, side * side)) yield return accuracy;
        foreach (var accuracy in Rows(texts * 64, 128)) yield return accuracy;
    }

    private IEnumerable<SumAccuracy> Batch(int channels, int positions)
    {
        var norm = Device.Op<IBatchNorm>();
        var (count, stride, segments, name) = (images * positions, channels * positions, Segments.One(images), $"{images} x {channels} x {positions}");
        View x = Normal(images * stride), gamma = Normal(channels), beta = Normal(channels), y = Empty(x.Length), mean = Empty(channels), inverse = Empty(channels), moments = Empty(3 * channels);
        // A mean beside zero: where one-pass formulas lose digits.
        foreach (ref var value in x.AsSpan()) value += 3;
        norm.Forward(segments, channels, positions, (float)Epsilon, x, gamma, beta, y, mean, inverse, moments);
        var exact = new (double Mean, double Inverse)[channels];
        for (var c = 0; c < channels; c++)
        {
            var m = Over(i => x.AsSpan()[At(c, i)]) / count;
            exact[c] = (m, 1 / Math.Sqrt(Over(i => (x.AsSpan()[At(c, i)] - m) * (x.AsSpan()[At(c, i)] - m)) / count + Epsilon));
        }
        yield return Compare("batch norm", name, count, y, i => (x.AsSpan()[i] - exact[Channel(i)].Mean) * exact[Channel(i)].Inverse * gamma.AsSpan()[Channel(i)] + beta.AsSpan()[Channel(i)]);
        View dy = Normal(x.Length), dx = Empty(x.Length), dGamma = Empty(channels), dBeta = Empty(channels);
        norm.Backward(segments, channels, positions, x, gamma, mean, inverse, dy, dx, dGamma, dBeta);
        var sums = new (double Beta, double Gamma)[channels];
        for (var c = 0; c < channels; c++) sums[c] = (Over(i => dy.AsSpan()[At(c, i)]), Over(i => dy.AsSpan()[At(c, i)] * (x.AsSpan()[At(c, i)] - exact[c].Mean) * exact[c].Inverse));
        yield return Compare("batch norm, scale's gradient", name, count, dGamma, c => sums[c].Gamma);
        yield return Compare("batch norm, shift's gradient", name, count, dBeta, c => sums[c].Beta);
        yield return Compare("batch norm, input gradient", name, count, dx, i =>
        {
            var c = Channel(i);
            var z = (x.AsSpan()[i] - exact[c].Mean) * exact[c].Inverse;
            return gamma.AsSpan()[c] * exact[c].Inverse * (dy.AsSpan()[i] - sums[c].Beta / count - z * sums[c].Gamma / count);
        });

        int Channel(int i) => i / positions % channels;
        int At(int c, int i) => i / positions * stride + c * positions + i % positions;
        double Over(Func<int, double> term) => DenseSums.Sum(count, term);
    }

    private IEnumerable<SumAccuracy> Rows(int rows, int width)
    {
        var (norm, name) = (Device.Op<ILayerNorm>(), $"{rows} x {width}");
        View x = Normal(rows * width), gamma = Normal(width), beta = Normal(width), y = Empty(x.Length), mean = Empty(rows), inverse = Empty(rows);
        foreach (ref var value in x.AsSpan()) value += 3;
        norm.Forward(rows, width, (float)Epsilon, x, gamma, beta, y, mean, inverse);
        var exact = new (double Mean, double Inverse)[rows];
        for (var r = 0; r < rows; r++)
        {
            var row = x.AsSpan().Slice(r * width, width).ToArray();
            var m = row.Sum(v => (double)v) / width;
            exact[r] = (m, 1 / Math.Sqrt(row.Sum(v => (v - m) * (v - m)) / width + Epsilon));
        }
        yield return Compare("layer norm", name, width, y, i => Z(i) * gamma.AsSpan()[i % width] + beta.AsSpan()[i % width]);
        View dy = Normal(x.Length), dx = Empty(x.Length), dGamma = Empty(width), dBeta = Empty(width);
        norm.BackwardInput(rows, width, x, gamma, mean, inverse, dy, dx);
        yield return Compare("layer norm, input gradient", name, width, dx, i =>
        {
            var first = i / width * width;
            double G(int k) => (double)dy.AsSpan()[first + k] * gamma.AsSpan()[k];
            return exact[i / width].Inverse * (G(i % width) - DenseSums.Sum(width, G) / width - Z(i) * DenseSums.Sum(width, k => G(k) * Z(first + k)) / width);
        });
        norm.BackwardWeights(Segments.One(rows / 64), 64, width, x, mean, inverse, dy, dGamma, dBeta);
        yield return Compare("layer norm, scale's gradient", name, rows, dGamma, k => DenseSums.Sum(rows, r => dy.AsSpan()[r * width + k] * Z(r * width + k)));
        yield return Compare("layer norm, shift's gradient", name, rows, dBeta, k => DenseSums.Sum(rows, r => dy.AsSpan()[r * width + k]));

        double Z(int i) => (x.AsSpan()[i] - exact[i / width].Mean) * exact[i / width].Inverse;
    }
}
