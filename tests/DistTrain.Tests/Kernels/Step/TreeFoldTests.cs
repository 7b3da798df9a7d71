using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Step;

public sealed class TreeFoldTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(100_003)]
    public void Sum_adds_the_right_node_to_the_left(int length)
    {
        var (a, b) = (EveryBody.Normal(1, length), EveryBody.Normal(2, length));
        var sum = EveryBody.Run(device =>
        {
            var left = device.View(a);
            device.Op<ITreeFold>().Sum(left, device.View(b));
            return EveryBody.Join(left);
        });
        Assert.Equal(a.Zip(b, (x, y) => x + y), sum);
    }

    [Fact]
    public void Moments_of_parts_merge_into_the_moments_of_the_whole()
    {
        var x = EveryBody.Normal(3, 100);
        var merged = EveryBody.Run(device =>
        {
            var left = device.View([.. Moments(x[..30]), .. Moments(x[..1]), 0, 7, 7, .. Moments(x[..50])]);
            var right = device.View([.. Moments(x[30..]), .. Moments(x[1..]), .. Moments(x), 0, 9, 9]);
            device.Op<ITreeFold>().Moments(left, right);
            return EveryBody.Join(left);
        });
        var whole = Moments(x);
        for (var triple = 0; triple < 3; triple++)
            for (var i = 0; i < 3; i++) Assert.Equal(whole[i], merged[3 * triple + i], 1e-4f);
        Assert.Equal(whole, merged[6..9]);               // an absent left side takes the right one's bits
        Assert.Equal(Moments(x[..50]), merged[9..]);     // an absent right side changes nothing
    }

    private static float[] Moments(float[] x)
    {
        var mean = x.Average(v => (double)v);
        return [x.Length, (float)mean, (float)x.Sum(v => (v - mean) * (v - mean))];
    }
}
