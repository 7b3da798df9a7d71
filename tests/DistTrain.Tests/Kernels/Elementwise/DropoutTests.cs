using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Elementwise;

public sealed class DropoutTests
{
    [Theory]
    [InlineData(5, 1, 0.5f)]
    [InlineData(3, 70, 0.3f)]
    [InlineData(4, 129, 0f)]
    [InlineData(40, 500, 0.9f)]
    public void Every_body_draws_the_same_mask(int samples, int elements, float probability)
    {
        var x = EveryBody.Normal(1, samples * elements);
        int[] indexes = [.. Enumerable.Range(0, samples).Select(i => i * 7919 % 60_000)];
        var y = EveryBody.Run(device =>
        {
            var y = device.Unset(x.Length);
            device.Op<IDropout>().Apply(99, probability, elements, device.View(indexes), device.View(x), y);
            return EveryBody.Join(y);
        });
        for (var i = 0; i < y.Length; i++) Assert.True(y[i] == 0 || y[i] == x[i] / (1 - probability));
        if (probability == 0) Assert.Equal(x, y);
    }

    [Fact]
    public void A_samples_mask_depends_on_its_index_alone_and_keeps_the_right_share()
    {
        using var device = new CpuDevice(1);
        const int elements = 20_000;
        var ones = Enumerable.Repeat(1f, 3 * elements).ToArray();
        var (all, one) = (device.Unset(3 * elements), device.Unset(elements));
        device.Op<IDropout>().Apply(1, 0.25f, elements, device.View([4, 9, 4]), device.View(ones), all);
        device.Op<IDropout>().Apply(1, 0.25f, elements, device.View([9]), device.View(ones.AsSpan(0, elements)), one);
        EveryBody.AssertSameBits(all.AsSpan()[..elements], all.AsSpan()[(2 * elements)..], "the same sample");
        EveryBody.AssertSameBits(one.AsSpan(), all.AsSpan().Slice(elements, elements), "alone and in a batch");
        Assert.NotEqual(all.AsSpan()[..elements].ToArray(), one.AsSpan().ToArray());
        Assert.InRange(one.AsSpan().ToArray().Count(v => v != 0) / (double)elements, 0.735, 0.765);
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(-0.1f)]
    [InlineData(float.NaN)]
    public void A_probability_outside_0_to_1_is_refused(float probability)
    {
        using var device = new CpuDevice(1);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => device.Op<IDropout>().Apply(1, probability, 1, device.View([0]), device.Unset(1), device.Unset(1)));
        Assert.Contains($"dropout probability is {probability}; it must be in [0, 1).", error.Message);
    }
}
