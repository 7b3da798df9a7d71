using DistTrain.Kernels;
using DistTrain.Kernels.Functions;

namespace DistTrain.Tests.Kernels.Elementwise;

public sealed class BinaryTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(100_003)]
    public void Every_body_gives_the_same_bits_in_place_and_without_one_gradient(int length)
    {
        Check<Sum>(length);
        Check<SumRelu>(length);
        Check<Times>(length);
    }

    [Fact]
    public void A_product_has_the_other_factor_as_gradient_and_a_rectified_sum_stops_it()
    {
        Assert.Equal([6f, -8f, /**/ 3f, 8f, /**/ 2f, -4f], Run<Times>(new CpuDevice(1), [2, -2], [3, 4], [1, 2], keepA: true));
        Assert.Equal([5f, 0f, /**/ 1f, 0f, /**/ 1f, 0f], Run<SumRelu>(new CpuDevice(1), [2, -5], [3, 4], [1, 2], keepA: true));
    }

    private static void Check<T>(int length) where T : unmanaged, IBinaryFunction
    {
        foreach (var keepA in new[] { true, false })
            EveryBody.Run(device => Run<T>(device, EveryBody.Normal(1, length), EveryBody.Normal(2, length), EveryBody.Normal(3, length), keepA));
    }

    private static float[] Run<T>(CpuDevice device, float[] a, float[] b, float[] dy, bool keepA) where T : unmanaged, IBinaryFunction
    {
        var (va, vb, y, da, db, op) = (device.View(a), device.View(b), device.Unset(a.Length), device.View(dy), device.Unset(a.Length), device.Op<IBinary<T>>());
        op.Forward(default, va, vb, y);
        op.Backward(default, va, vb, y, da, keepA ? da : View.None, db);
        return EveryBody.Join(y, da, db);
    }
}
