using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Initializers;

public sealed class EdgeFilterTests
{
    public static TheoryData<EdgeOperator, float[], float[], float[]> Published() => new()
    {
        { EdgeOperator.Sobel, [-1, 0, 1, -2, 0, 2, -1, 0, 1], [-1, -2, -1, 0, 0, 0, 1, 2, 1], [-2, -1, 0, -1, 0, 1, 0, 1, 2] },
        { EdgeOperator.Scharr, [-3, 0, 3, -10, 0, 10, -3, 0, 3], [-3, -10, -3, 0, 0, 0, 3, 10, 3], [-10, -3, 0, -3, 0, 3, 0, 3, 10] },
        { EdgeOperator.Prewitt, [-1, 0, 1, -1, 0, 1, -1, 0, 1], [-1, -1, -1, 0, 0, 0, 1, 1, 1], [-1, -1, 0, -1, 0, 1, 0, 1, 1] },
    };

    [Theory, MemberData(nameof(Published))]
    public void The_first_filters_are_the_published_ones_and_the_last_four_the_same_the_other_way(EdgeOperator edge, float[] x, float[] y, float[] diagonal)
    {
        var weights = Weights(1, 8, 3, new(edge));
        Assert.Equal(x, weights[..9]);
        Assert.Equal(y, weights[9..18]);
        Assert.Equal(diagonal, weights[18..27]);
        Assert.Equal(4, Enumerable.Range(0, 4).Count(o => Enumerable.Range(4, 4).Any(other => Enumerable.Range(0, 9).All(k => weights[9 * o + k] == -weights[9 * other + k]))));
        Assert.Equal(8, Enumerable.Range(0, 8).Select(o => string.Join(' ', weights[(9 * o)..(9 * o + 9)])).Distinct().Count());
    }

    [Fact]
    public void Channels_share_the_filter_and_larger_windows_have_it_in_their_middle()
    {
        var weights = Weights(3, 2, 5, new(EdgeOperator.Sobel, 0.5f));
        for (var channel = 0; channel < 3; channel++)
            for (var y = 0; y < 5; y++)
                for (var x = 0; x < 5; x++)
                {
                    float[] sobel = [-1, 0, 1, -2, 0, 2, -1, 0, 1];
                    var wanted = y is > 0 and < 4 && x is > 0 and < 4 ? sobel[(y - 1) * 3 + x - 1] * 0.5f / 3 : 0;
                    Assert.Equal(wanted, weights[(channel * 5 + y) * 5 + x], 1e-7f);
                }
    }

    [Fact]
    public void Other_shapes_are_refused_when_the_network_is_made()
    {
        Assert.Contains("takes the weights of a 2-D convolution with a square window of an odd side", Assert.Throws<ShapeException>(() => Weights(1, 8, 4, new())).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => new Network(new Sequential(new Linear(new(3)) { }, new Linear(new(2) { WeightInit = new EdgeFilters(new()) })), new Shape(5)));
    }

    private static float[] Weights(int channels, int outputs, int side, EdgeFilters.Options options)
    {
        var network = new Network(new Sequential(new Conv2d(new(outputs, new Pair(side, side)) { Bias = false, WeightInit = new EdgeFilters(options) })), new Shape(channels, 9, 9));
        return network.Initialize(1)[..(outputs * channels * side * side)];
    }
}
