using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Optimizers;

public sealed class ClippingTests
{
    [Fact]
    public void Squares_of_blocks_are_added_in_the_fixed_tree()
    {
        double[] squares = [1e16, 1, 1, 1, -1e16];
        // ((a + b) + (c + d)) + e; left to right, or in another tree, the ones would be lost or kept otherwise.
        Assert.Equal(Math.Sqrt(1e16 + 1 + (1.0 + 1) + -1e16), Clipping.GlobalNorm(squares));
        Assert.Equal(5.0, Clipping.GlobalNorm([9, 16]));
        Assert.Equal(0.0, Clipping.GlobalNorm([]));
    }

    [Theory]
    [InlineData(2.0, 1.0, 0.49999975f)]
    [InlineData(0.5, 1.0, 1f)]
    [InlineData(1.0, 1.0, 0.999999f)]
    [InlineData(7.0, 0.0, 1f)]
    public void The_coefficient_is_limit_over_norm_and_a_millionth_at_most_one(double norm, double limit, float expected) =>
        Assert.Equal(expected, Clipping.Coefficient(norm, limit), 1e-7f);
}
