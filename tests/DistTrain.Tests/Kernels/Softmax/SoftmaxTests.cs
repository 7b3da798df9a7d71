using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Softmax;

public sealed class SoftmaxTests
{
    [Theory]
    [InlineData("softmax", false)]
    [InlineData("log_softmax", true)]
    public void Rows_match_the_golden_values(string name, bool logarithm)
    {
        var golden = GoldenCase.Read("activation", name);
        var all = EveryBody.Run(device => Run(device, 3, 6, logarithm, golden.Values("inputs.x"), golden.Values("cotangent")));
        golden.AssertClose("output", all.AsSpan(0, 18));
        golden.AssertClose("grads.x", all.AsSpan(18));
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(700, 16)]
    [InlineData(3, 37)]
    [InlineData(40, 1003)]
    public void Every_body_gives_the_same_bits(int rows, int width)
    {
        foreach (var logarithm in new[] { false, true })
            EveryBody.Run(device => Run(device, rows, width, logarithm, EveryBody.Normal(1, rows * width), EveryBody.Normal(2, rows * width)));
    }

    private static float[] Run(CpuDevice device, int rows, int width, bool logarithm, float[] x, float[] dy)
    {
        var (y, dx) = (device.View(x), device.View(dy)); // in place
        device.Op<ISoftmax>().Forward(rows, width, logarithm, y, y);
        device.Op<ISoftmax>().Backward(rows, width, logarithm, y, dx, dx);
        return EveryBody.Join(y, dx);
    }
}
