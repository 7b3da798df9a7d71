using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Step;

public sealed class BlockNormTests
{
    [Fact]
    public void Squares_are_summed_per_block_in_double_with_the_same_bits_everywhere()
    {
        var g = EveryBody.Normal(1, 110_000);
        int[] starts = [0, 4096, 8192, 8193, 8300, 12_000, 39_999, 40_000];
        int[] lengths = [4096, 4096, 1, 100, 17, 4096, 1, 0];
        var sums = EveryBody.Run(device =>
        {
            var squares = new double[starts.Length];
            device.Op<IBlockNorm>().SumOfSquares(device.View(g), starts, lengths, squares);
            return [.. squares.SelectMany(s => new[] { BitConverter.Int32BitsToSingle((int)BitConverter.DoubleToInt64Bits(s)), BitConverter.Int32BitsToSingle((int)(BitConverter.DoubleToInt64Bits(s) >> 32)) })];
        });
        for (var block = 0; block < starts.Length; block++)
        {
            var bits = (uint)BitConverter.SingleToInt32Bits(sums[2 * block]) | (long)BitConverter.SingleToInt32Bits(sums[2 * block + 1]) << 32;
            var exact = g.AsSpan(starts[block], lengths[block]).ToArray().Sum(v => (double)v * v);
            Assert.Equal(exact, BitConverter.Int64BitsToDouble(bits), 1e-12 * Math.Max(1, exact));
        }
    }

    [Fact]
    public void NaN_and_infinity_reach_the_sum()
    {
        using var device = new CpuDevice(1);
        var squares = new double[2];
        device.Op<IBlockNorm>().SumOfSquares(device.View([1f, float.NaN, 3f, float.PositiveInfinity]), [0, 2], [2, 2], squares);
        Assert.Equal([double.NaN, double.PositiveInfinity], squares);
    }

    [Fact]
    public void A_block_outside_the_gradient_is_named()
    {
        using var device = new CpuDevice(1);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => device.Op<IBlockNorm>().SumOfSquares(device.Unset(10), [0, 8], [8, 3], new double[2]));
        Assert.Contains("block 1 is elements [8, 11); it must lie in the gradient's 10.", error.Message);
    }
}
