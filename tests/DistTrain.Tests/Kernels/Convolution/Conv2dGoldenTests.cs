using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Convolution;

public sealed class Conv2dGoldenTests
{
    public static TheoryData<string, int, int, int, int> Cases => new()
    {
        { "conv2d", 1, 0, 1, 1 }, { "conv2d_pad", 1, 1, 1, 1 }, { "conv2d_stride", 2, 1, 1, 1 }, { "conv2d_11x11_s4", 4, 2, 1, 1 },
        { "conv2d_dilated", 1, 2, 2, 1 }, { "conv2d_grouped", 1, 1, 1, 2 }, { "conv2d_depthwise", 2, 1, 1, 4 }, { "conv2d_pointwise", 1, 0, 1, 1 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Convolution_matches_the_golden_values(string name, int stride, int padding, int dilation, int groups)
    {
        var golden = GoldenCase.Read("conv", name);
        var (x, w) = (golden.Shape("inputs.x"), golden.Shape("inputs.w"));
        Check(golden, new Conv2dShape(x[1], x[2], x[3], w[0], w[2], w[3], stride, stride, padding, padding, dilation, dilation, groups));
    }

    [Fact]
    public void Different_strides_and_paddings_of_the_axes_match_the_golden_values()
    {
        var golden = GoldenCase.Read("conv", "conv2d_rect");
        var (x, w) = (golden.Shape("inputs.x"), golden.Shape("inputs.w"));
        Check(golden, new Conv2dShape(x[1], x[2], x[3], w[0], w[2], w[3], 2, 1, 1, 0), hasBias: false);
    }

    // Accuracy on the peers' layers: relative root mean square against double.
    [Theory]
    [InlineData(1, 28, 6, 5, 2, 16)]
    [InlineData(6, 14, 16, 5, 0, 16)]
    [InlineData(16, 16, 24, 3, 1, 8)]
    public void Convolutions_stay_within_2e_6_of_double(int channels, int size, int outputs, int kernel, int padding, int samples)
    {
        var shape = new Conv2dShape(channels, size, size, outputs, kernel, kernel, PaddingY: padding, PaddingX: padding);
        using var device = new CpuDevice(2);
        var (x, w, dy) = (EveryBody.Normal(1, samples * shape.InputLength), EveryBody.Normal(2, shape.WeightLength), EveryBody.Normal(3, samples * shape.OutputLength));
        var (y, dx, dw) = (device.Unset(samples * shape.OutputLength), device.Unset(samples * shape.InputLength), device.Unset(shape.WeightLength));
        var (vx, vw, vdy) = (device.View(x), device.View(w), device.View(dy));
        var conv = device.Op<IConv2d>();
        conv.Forward(shape, samples, vx, vw, View.None, y, Epilogue.None);
        conv.BackwardInput(shape, samples, vdy, vw, dx);
        conv.BackwardWeights(shape, new Segments([0, samples / 2, samples]), vx, vdy, dw, View.None);
        var (exactY, exactDx, exactDw) = (new double[y.Length], new double[dx.Length], new double[dw.Length]);
        for (var n = 0; n < samples; n++)
            for (var o = 0; o < outputs; o++)
                for (var p = 0; p < shape.OutY * shape.OutX; p++)
                    for (var k = 0; k < channels * kernel * kernel; k++)
                    {
                        var (iy, ix) = (p / shape.OutX + k / kernel % kernel - padding, p % shape.OutX + k % kernel - padding);
                        if (iy < 0 || ix < 0 || iy >= size || ix >= size) continue;
                        var input = ((n * channels + k / (kernel * kernel)) * size + iy) * size + ix;
                        var (output, weight) = ((n * outputs + o) * shape.OutY * shape.OutX + p, o * channels * kernel * kernel + k);
                        exactY[output] += (double)x[input] * w[weight];
                        exactDx[input] += (double)dy[output] * w[weight];
                        exactDw[weight] += (double)dy[output] * x[input];
                    }
        foreach (var (ours, exact) in new[] { (y, exactY), (dx, exactDx), (dw, exactDw) })
        {
            var (error, sum) = (0.0, 0.0);
            for (var i = 0; i < exact.Length; i++) (error, sum) = (error + (ours.AsSpan()[i] - exact[i]) * (ours.AsSpan()[i] - exact[i]), sum + exact[i] * exact[i]);
            Assert.InRange(Math.Sqrt(error / sum), 0, 2e-6);
        }
    }

    private static void Check(GoldenCase golden, Conv2dShape shape, bool hasBias = true)
    {
        foreach (var instructionSet in new[] { InstructionSet.Scalar, InstructionSet.Vector256, InstructionSet.Vector512 })
        {
            using var device = new CpuDevice(2, instructionSet);
            var samples = golden.Shape("inputs.x")[0];
            var (x, w, b, dy) = (device.View(golden.Values("inputs.x")), device.View(golden.Values("inputs.w")), hasBias ? device.View(golden.Values("inputs.bias")) : View.None, device.View(golden.Values("cotangent")));
            var (y, dx, dw, db) = (device.Unset(samples * shape.OutputLength), device.Unset(samples * shape.InputLength), device.Unset(shape.WeightLength), device.Unset(shape.Outputs));
            var conv = device.Op<IConv2d>();
            conv.Forward(shape, samples, x, w, b, y, Epilogue.None);
            conv.BackwardInput(shape, samples, dy, w, dx);
            conv.BackwardWeights(shape, Segments.One(samples), x, dy, dw, db);
            golden.AssertClose("output", y.AsSpan());
            golden.AssertClose("grads.x", dx.AsSpan());
            golden.AssertClose("grads.w", dw.AsSpan());
            if (hasBias) golden.AssertClose("grads.bias", db.AsSpan());
        }
    }
}
