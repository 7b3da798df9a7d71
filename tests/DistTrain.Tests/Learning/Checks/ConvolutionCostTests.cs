using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checks;

public sealed class ConvolutionCostTests
{
    // 3 x 3 from 64 to 128 channels over 16 x 16, by hand.
    [Theory]
    [InlineData("standard", 73728, 18874368, 16384 + 32768 + 73728)]
    [InlineData("grouped (4)", 18432, 4718592, 16384 + 32768 + 18432)]
    [InlineData("depthwise + pointwise", 576 + 8192, 147456 + 2097152, 16384 + 16384 + 576 + 16384 + 32768 + 8192)]
    [InlineData("pointwise", 8192, 2097152, 16384 + 32768 + 8192)]
    [InlineData("grouped pointwise (4) + shuffle + depthwise", 2048 + 1152, 524288 + 294912, 16384 + 2048 + 32768 + 65536 + 65536 + 1152)]
    public void The_forms_of_a_convolution_cost_what_counting_says(string form, long parameters, long multiplyAdds, long moved)
    {
        var cost = ConvolutionCosts.Of(64, 256, 128, 256, 9).Single(c => c.Form == form);
        Assert.Equal((parameters, multiplyAdds, moved), (cost.Parameters, cost.MultiplyAdds, cost.MemoryAccess));
    }

    [Fact]
    public void Depthwise_separable_takes_the_share_that_MobileNet_gives()
    {
        // 1/O + 1/K² of the standard form: Howard et al. 2017, arXiv:1704.04861, section 3.1.
        var costs = ConvolutionCosts.Of(64, 256, 128, 256, 9);
        Assert.Equal(1 / 128.0 + 1 / 9.0, costs.Single(c => c.Form == "depthwise + pointwise").MultiplyAdds / (double)costs[0].MultiplyAdds, 1e-12);
    }

    [Fact]
    public void Groups_that_do_not_divide_the_channels_are_left_out() =>
        Assert.Equal(["standard", "depthwise + pointwise", "pointwise"], ConvolutionCosts.Of(3, 100, 8, 100, 9).Select(c => c.Form));
}
