using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Pooling;

public sealed class PoolTests
{
    [Theory]
    [InlineData("maxpool", 2, 2, 0)]
    [InlineData("maxpool_3s2p1", 3, 2, 1)]
    public void Max_pool_matches_the_golden_values(string name, int kernel, int stride, int padding) =>
        CheckGolden(name, new Pool2dShape(3, 7, 7, kernel, kernel, stride, stride, padding, padding), RunMax);

    [Theory]
    [InlineData("avgpool", 2, 2, 0)]
    [InlineData("avgpool_3s2p1", 3, 2, 1)]
    public void Average_pool_matches_the_golden_values(string name, int kernel, int stride, int padding) =>
        CheckGolden(name, new Pool2dShape(3, 7, 7, kernel, kernel, stride, stride, padding, padding), RunAverage);

    [Fact]
    public void Global_pools_match_the_golden_values()
    {
        CheckGolden("global_maxpool", new Pool2dShape(3, 5, 4, 5, 4, 1, 1), RunMax);
        CheckGolden("global_avgpool", new Pool2dShape(3, 5, 4, 5, 4, 1, 1), RunAverage);
    }

    // Sizes around the vector width, odd rows and columns, overlap, padding, gaps between windows; the last one is cut for threads.
    [Theory]
    [InlineData(3, 2, 28, 28, 2, 2, 2, 2, 0, 0)]
    [InlineData(2, 3, 10, 10, 2, 2, 2, 2, 0, 0)]
    [InlineData(1, 1, 2, 2, 2, 2, 2, 2, 0, 0)]
    [InlineData(2, 1, 5, 33, 2, 2, 2, 2, 0, 0)]
    [InlineData(2, 1, 4, 35, 2, 2, 2, 2, 0, 0)]
    [InlineData(1, 2, 6, 66, 2, 2, 2, 2, 0, 0)]
    [InlineData(2, 2, 9, 8, 3, 3, 2, 2, 1, 1)]
    [InlineData(2, 2, 9, 8, 3, 2, 1, 3, 1, 0)]
    [InlineData(1, 2, 11, 11, 2, 2, 3, 3, 0, 0)]
    [InlineData(40, 8, 14, 14, 2, 2, 2, 2, 0, 0)]
    public void Every_body_gives_the_same_bits(int samples, int channels, int height, int width, int ky, int kx, int sy, int sx, int py, int px)
    {
        var shape = new Pool2dShape(channels, height, width, ky, kx, sy, sx, py, px);
        var (x, dy) = (EveryBody.Normal(1, samples * shape.InputLength), EveryBody.Normal(2, samples * shape.OutputLength));
        for (var i = 0; i < x.Length; i += 3) x[i] = MathF.Round(x[i]);   // many ties
        for (var i = 0; i < dy.Length; i += 5) dy[i] = -0f;
        EveryBody.Run(device => RunMax(device, shape, samples, x, dy));
        EveryBody.Run(device => RunAverage(device, shape, samples, x, dy));
        EveryBody.Run(device => RunAverage(device, shape with { CountPadding = false }, samples, x, dy));
    }

    [Fact]
    public void A_tie_goes_to_the_lowest_index_and_NaN_wins()
    {
        var shape = new Pool2dShape(1, 2, 40, 2, 2, 2, 2);
        var x = new float[80];
        (x[2], x[43]) = (5, 5);                                   // window 1: tie of the 1st and the 4th
        (x[5], x[44]) = (float.NaN, 9);                           // window 2: NaN beats 9
        (x[46], x[47]) = (float.NaN, float.NaN);                  // window 3: the first NaN
        (x[8], x[9], x[48], x[49]) = (-3, -2, -2, float.NegativeInfinity);
        (x[38], x[39], x[78], x[79]) = (float.PositiveInfinity, 1, float.PositiveInfinity, 2);
        var all = EveryBody.Run(device =>
        {
            var (y, argmax) = (device.Unset(20), device.Unset(20));
            device.Op<IMaxPool2d>().Forward(shape, 1, device.View(x), y, argmax);
            return [.. y.AsSpan(), .. argmax.AsInts().ToArray().Select(i => (float)i)];
        });
        Assert.Equal([0, 5, float.NaN, float.NaN, -2], all[..5]);
        Assert.Equal([0, 2, 5, 46, 9], all[20..25]);
        Assert.Equal((float.PositiveInfinity, 38), (all[19], all[39]));
    }

    [Fact]
    public void Padding_never_wins()
    {
        var shape = new Pool2dShape(1, 2, 2, 3, 3, 2, 2, 1, 1);
        var y = EveryBody.Run(device => RunMax(device, shape, 1, [-4, -3, -2, -1], [1]));
        Assert.Equal([-1, 0, 0, 0, 1], y);
    }

    [Fact]
    public void A_kernel_larger_than_its_input_is_refused()
    {
        using var device = new CpuDevice(1);
        var error = Assert.Throws<ArgumentException>(() => device.Op<IMaxPool2d>().Forward(new Pool2dShape(1, 2, 3, 3, 3, 1, 1), 1, device.Unset(6), device.Unset(1), device.Unset(1)));
        Assert.Contains("the kernel 3 x 3 is larger than the padded input 2 x 3", error.Message);
        error = Assert.Throws<ArgumentException>(() => device.Op<IAveragePool2d>().Forward(new Pool2dShape(2, 4, 4, 2, 2, 2, 2), 3, device.Unset(96), device.Unset(25)));
        Assert.Contains("averagePool2d: y has 25 elements; it must have 24 elements [3, 2, 2, 2].", error.Message);
    }

    private static void CheckGolden(string name, Pool2dShape shape, Func<CpuDevice, Pool2dShape, int, float[], float[], float[]> run)
    {
        var golden = GoldenCase.Read("pool", name);
        var all = EveryBody.Run(device => run(device, shape, 2, golden.Values("inputs.x"), golden.Values("cotangent")));
        golden.AssertClose("output", all.AsSpan(0, 2 * shape.OutputLength));
        golden.AssertClose("grads.x", all.AsSpan(2 * shape.OutputLength));
    }

    // y, then dx.
    private static float[] RunMax(CpuDevice device, Pool2dShape shape, int samples, float[] x, float[] cotangent)
    {
        var (y, argmax, dx) = (device.Unset(samples * shape.OutputLength), device.Unset(samples * shape.OutputLength), device.Unset(x.Length));
        device.Op<IMaxPool2d>().Forward(shape, samples, device.View(x), y, argmax);
        device.Op<IMaxPool2d>().Backward(shape, samples, device.View(cotangent), argmax, dx);
        return EveryBody.Join(y, dx);
    }

    private static float[] RunAverage(CpuDevice device, Pool2dShape shape, int samples, float[] x, float[] cotangent)
    {
        var (y, dx) = (device.Unset(samples * shape.OutputLength), device.Unset(x.Length));
        device.Op<IAveragePool2d>().Forward(shape, samples, device.View(x), y);
        device.Op<IAveragePool2d>().Backward(shape, samples, device.View(cotangent), dx);
        return EveryBody.Join(y, dx);
    }
}
