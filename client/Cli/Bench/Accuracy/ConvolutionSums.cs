using DistTrain.Kernels;

namespace DistTrain.Cli;

internal sealed class ConvolutionSums(CpuDevice device, int samples) : SumCheck(device)
{
    private static readonly Conv2dShape[] _shapes =
    [
        new(1, 28, 28, 6, 5, 5, 1, 1, 2, 2), new(6, 14, 14, 16, 5, 5),
        new(3, 32, 32, 64, 3, 3, 1, 1, 1, 1), new(64, 32, 32, 64, 3, 3, 1, 1, 1, 1), new(64, 32, 32, 128, 3, 3, 2, 2, 1, 1), new(64, 32, 32, 128, 1, 1, 2, 2),
        new(128, 16, 16, 128, 3, 3, 1, 1, 1, 1), new(128, 16, 16, 256, 3, 3, 2, 2, 1, 1), new(256, 8, 8, 256, 3, 3, 1, 1, 1, 1), new(256, 8, 8, 512, 3, 3, 2, 2, 1, 1),
        new(512, 4, 4, 512, 3, 3, 1, 1, 1, 1),
        new(32, 32, 32, 32, 3, 3, 1, 1, 1, 1, 1, 1, 32), new(32, 32, 32, 64, 1, 1), new(64, 32, 32, 64, 3, 3, 2, 2, 1, 1, 1, 1, 64), new(128, 16, 16, 128, 1, 1), new(256, 8, 8, 256, 1, 1),
    ];

    public override IEnumerable<SumAccuracy> All()
    {
        var conv = Device.Op<IConv2d>();
        foreach (var s in _shapes)
        {
            var name = $"{s.Channels}x{s.Height}x{s.Width} -> {s.Outputs}, {s.KernelY}x{s.KernelX} / {s.StrideY}{(s.Groups > 1 ? " depthwise" : "")}";
            var (group, groupOutputs, taps, positions) = (s.Channels / s.Groups, s.Outputs / s.Groups, s.KernelY * s.KernelX, s.OutY * s.OutX);
            View x = Normal(samples * s.InputLength), w = Normal(s.WeightLength, 0.1f), dy = Normal(samples * s.OutputLength), y = Empty(samples * s.OutputLength);
            conv.Forward(s, samples, x, w, View.None, y, Epilogue.None);
            yield return Compare("conv2d", name, group * taps, y, i =>
            {
                var (n, o, p) = (i / s.OutputLength, i / positions % s.Outputs, i % positions);
                var sum = 0.0;
                for (var k = 0; k < group * taps; k++) sum += (double)w.AsSpan()[o * group * taps + k] * At(s, x, n, o / groupOutputs * group + k / taps, p / s.OutX, p % s.OutX, k / s.KernelX % s.KernelY, k % s.KernelX);
                return sum;
            });
            var dx = Empty(samples * s.InputLength);
            conv.BackwardInput(s, samples, dy, w, dx);
            yield return Compare("conv2d, input gradient", name, groupOutputs * taps, dx, i =>
            {
                var (n, c, iy, ix) = (i / s.InputLength, i / (s.Height * s.Width) % s.Channels, i / s.Width % s.Height, i % s.Width);
                var sum = 0.0;
                for (var o = c / group * groupOutputs; o < (c / group + 1) * groupOutputs; o++)
                    for (var k = 0; k < taps; k++)
                    {
                        var (atY, atX) = (iy + s.PaddingY - k / s.KernelX, ix + s.PaddingX - k % s.KernelX);
                        if (atY < 0 || atX < 0 || atY % s.StrideY != 0 || atX % s.StrideX != 0 || atY / s.StrideY >= s.OutY || atX / s.StrideX >= s.OutX) continue;
                        sum += (double)w.AsSpan()[(o * group + c % group) * taps + k] * dy.AsSpan()[(n * s.Outputs + o) * positions + atY / s.StrideY * s.OutX + atX / s.StrideX];
                    }
                return sum;
            });
            View dw = Empty(s.WeightLength), dBias = Empty(s.Outputs);
            conv.BackwardWeights(s, Segments.One(samples), x, dy, dw, dBias);
            yield return Compare("conv2d, weight gradient", name, (long)samples * positions, dw, i =>
            {
                var (o, c, k) = (i / (group * taps), i / taps % group, i % taps);
                var sum = 0.0;
                for (var n = 0; n < samples; n++)
                    for (var p = 0; p < positions; p++)
                        sum += (double)dy.AsSpan()[(n * s.Outputs + o) * positions + p] * At(s, x, n, o / groupOutputs * group + c, p / s.OutX, p % s.OutX, k / s.KernelX, k % s.KernelX);
                return sum;
            });
            yield return Compare("conv2d, bias gradient", name, (long)samples * positions, dBias, o =>
            {
                var sum = 0.0;
                for (var n = 0; n < samples; n++)
                    for (var p = 0; p < positions; p++) sum += dy.AsSpan()[(n * s.Outputs + o) * positions + p];
                return sum;
            });
        }
        foreach (var (channels, side) in new[] { (512, 4), (256, 8) })
        {
            var pool = Device.Op<IAveragePool2d>();
            var (shape, x, y) = (new Pool2dShape(channels, side, side, side, side, side, side), Normal(samples * channels * side * side), Empty(samples * channels));
            pool.Forward(shape, samples, x, y);
            yield return Compare("global average", $"{channels}x{side}x{side}", side * side, y, i => x.AsSpan().Slice(i * side * side, side * side).ToArray().Sum(v => (double)v) / (side * side));
        }
    }

    private static double At(in Conv2dShape s, View x, int n, int c, int oy, int ox, int ky, int kx)
    {
        int iy = oy * s.StrideY + ky - s.PaddingY, ix = ox * s.StrideX + kx - s.PaddingX;
        return (uint)iy < (uint)s.Height && (uint)ix < (uint)s.Width ? x.AsSpan()[((n * s.Channels + c) * s.Height + iy) * s.Width + ix] : 0;
    }
}
