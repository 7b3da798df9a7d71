using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

public sealed class ReceptiveFieldTests
{
    [Fact]
    public void Windows_strides_and_dilation_add_up_as_the_formula_says()
    {
        // 3; 3 + 1 = 4 (jump 2); reach 5: 4 + 4·2 = 12; 12 + 2 = 14 (jump 4).
        Assert.Equal("3 x 3, 3 x 3, 4 x 4, 12 x 12, 14 x 14, 14 x 14, 32 x 32", Fields(new Shape(1, 32, 32), Conv(3), new Relu(), new MaxPool2d(new(new Pair(2, 2))),
            new Conv2d(new(4, new Pair(3, 3)) { Dilation = new Pair(2, 2) }), new AveragePool2d(new(new Pair(2, 2))), new Flatten(), new Linear(new(2))));
    }

    [Fact]
    public void A_residual_branch_sees_as_far_as_its_longest_way()
    {
        var block = new Residual(new() { Body = [new Conv2d(new(2, new Pair(3, 3)) { Padding = new Pair(1, 1) }), new Conv2d(new(2, new Pair(3, 3)) { Padding = new Pair(1, 1) })] });
        Assert.Equal("5 x 5", Fields(new Shape(2, 9, 9), block));
    }

    [Fact]
    public void Axes_differ_and_enlarged_planes_lie_closer()
    {
        // Rows. A transposed window of 5 at stride 2 looks at 3 places; 3 of its outputs at 4; enlarged twice, 3 outputs lie in 2 places, which look at 4 as well;
        // 56 of 112 in 29, in 31, in 18. Columns have 6 more throughout; 44 of 88 lie in 23, in 25, in 15.
        Assert.Equal("1 x 7, 3 x 9, 4 x 10, 4 x 10, 4 x 10, 18 x 21, 28 x 28, 28 x 28", Fields(new Shape(1, 28, 28), Conv(1, 7), new ConvTranspose2d(new(4, new Pair(5, 5)) { Stride = new Pair(2, 2) }),
            Conv(3), new Upsample(new(2)), Conv(3), new AdaptiveAveragePool2d(new(new Pair(2, 2))), new SqueezeExcite(new(2)), new Flatten()));
        Assert.Equal("1 x 1, 2 x 2", Fields(new Shape(1, 8, 8), new Upsample(new(2)), Conv(3)));
        Assert.Equal("1 x 1, 3 x 3", Fields(new Shape(1, 8, 8), new Upsample(new(2)), Conv(4)));
        Assert.Equal("2 x 2", Fields(new Shape(1, 8, 8), new Upsample(new(2, Interpolation.Bilinear))));
        Assert.Equal("1 x 1, 2 x 2", Fields(new Shape(4, 6, 6), new PixelShuffle(new(2)), Conv(3)));
    }

    [Fact]
    public void Pools_of_the_whole_plane_see_everything()
    {
        Assert.Equal("3 x 3, 28 x 30, 28 x 30", Fields(new Shape(1, 28, 30), Conv(3), new GlobalAveragePool(), new Linear(new(2))));
        Assert.Equal("3 x 3, 28 x 30", Fields(new Shape(1, 28, 30), Conv(3), new AdaptiveMaxPool2d(new(new Pair(1, 1)))));
        // Windows [0, 3) and [2, 5) of five places.
        Assert.Equal("3 x 3", Fields(new Shape(1, 5, 5), new AdaptiveMaxPool2d(new(new Pair(2, 2)))));
        // Three pooled places of two rows each.
        Assert.Equal("6 x 6", Fields(new Shape(2, 8, 8), new MaxUnpool2d(new(new Pair(2, 2)) { Body = [new Conv2d(new(2, new Pair(3, 3)) { Padding = new Pair(1, 1) })] })));
    }

    [Fact]
    public void Lines_and_volumes_have_fields_too()
    {
        // 5; 5 + 2·2 = 9 (jump 6); 9 + 6 = 15.
        Assert.Equal("5, 9, 15", Fields(new Shape(2, 40), new Conv1d(new(3, 5) { Stride = 2 }), new MaxPool1d(new(3)), new Conv1d(new(3, 2))));
        Assert.Equal("2 x 3 x 5, 4 x 4 x 6, 4 x 6 x 8", Fields(new Shape(1, 9, 10, 11), new Conv3d(new(2, new Pair(3, 5), 2)), new MaxPool3d(new(new Pair(2, 2), 3)), new Conv3d(new(2, new Pair(2, 2), 1))));
    }

    [Fact]
    public void What_values_decide_has_no_field_and_what_follows_neither()
    {
        Assert.Equal("3 x 3, -, -, -", Fields(new Shape(1, 8, 8), Conv(3), new SpatialTransformer(new()), Conv(3), new Flatten()));
        Assert.Equal("3 x 3, -, -", Fields(new Shape(1, 8, 8), Conv(3), new Reshape(new() { Shape = [4, 0] }), new Gru(new(3))));
        Assert.Equal("-", Fields(new Shape(5, 18), new ScaledDotAttention(new(2))));
        Assert.Equal("-", Fields(new Shape(6), new Linear(new(3))));
    }

    [Fact]
    public void No_layer_fails_to_tell()
    {
        foreach (var (name, input) in Components.Layers())
            foreach (var field in ReceptiveFields.Of(new Network(new Sequential(Components.Make<Layer>(name)), input)).Values)
                Assert.True(field.Count == input.Rank - 1 && field.All(size => size >= 0), $"{name} of {input}: {string.Join(" x ", field)}");
    }

    private static Conv2d Conv(int height, int? width = null) => new(new(4, new Pair(height, width ?? height)));

    private static string Fields(Shape input, params Layer[] layers)
    {
        var fields = ReceptiveFields.Of(new Network(new Sequential(layers), input));
        return string.Join(", ", layers.Select((_, i) => fields.TryGetValue($"{i}", out var field) ? string.Join(" x ", field) : "-"));
    }
}
