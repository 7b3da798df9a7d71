using System.Text.Json.Nodes;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

public sealed class MultiplyAddTests
{
    // Layer, input, options, count: each output element times what it sums over.
    private static readonly (string Layer, Shape Input, string? Options, long Count)[] _counts =
    [
        ("linear", new(6), """{ "": 5 }""", 6 * 5),
        ("linear", new(3, 6), """{ "": 5 }""", 3 * 6 * 5),
        ("dropConnect", new(6), """{ "out": 5 }""", 6 * 5),
        ("conv1d", new(4, 10), """{ "out": 6, "kernel": 3, "stride": 2 }""", 6 * 4 * (4 * 3)),
        ("conv2d", new(4, 6, 7), """{ "out": 6, "kernel": [1, 3], "groups": 2 }""", 6 * 6 * 5 * (2 * 3)),
        ("conv2d", new(4, 6, 7), """{ "out": 6, "kernel": [1, 3], "flipped": true }""", 6 * 6 * 5 * (4 * 3)),
        ("depthwiseConv2d", new(4, 6, 6), """{ "kernel": 3, "multiplier": 2 }""", 2 * 4 * 36 * 9),
        ("pointwiseConv2d", new(4, 6, 6), """{ "out": 5 }""", 5 * 36 * 4),
        ("separableConv2d", new(4, 6, 6), """{ "out": 5 }""", (4 * 36 * 9) + (5 * 36 * 4)),
        ("conv3d", new(2, 4, 5, 6), """{ "out": 3, "kernel": [3, 2], "depth": 2 }""", 3 * (3 * 3 * 5) * (2 * 2 * 3 * 2)),
        ("conv3d", new(2, 4, 5, 6), """{ "out": 3, "kernel": [3, 2], "depth": 2, "flipped": true }""", 3 * (3 * 3 * 5) * (2 * 2 * 3 * 2)),
        ("convTranspose2d", new(4, 3, 3), """{ "out": 5, "kernel": 2, "stride": 2 }""", 4 * 9 * (5 * 4)),
        ("rnn", new(5, 3), """{ "hidden": 4 }""", 5 * (4 * 3 + 4 * 4)),
        ("rnn", new(5, 3), """{ "hidden": 4, "layers": 2, "bidirectional": true }""", 5 * 2 * (4 * 3 + 4 * 4) + 5 * 2 * (4 * 8 + 4 * 4)),
        ("gru", new(5, 3), """{ "hidden": 4 }""", 5 * 3 * (4 * 3 + 4 * 4)),
        ("lstm", new(5, 3), """{ "hidden": 4 }""", 5 * 4 * (4 * 3 + 4 * 4)),
        ("scaledDotAttention", new(5, 18), """{ "heads": 2 }""", 2 * 5 * 5 * 6),
        ("multiHeadAttention", new(5, 6), """{ "heads": 2 }""", 4 * 5 * 6 * 6 + 2 * 5 * 5 * 6),
        ("multiHeadAttention", new(5, 6), """{ "heads": 2, "memory": [ { "linear": 4 } ] }""", 5 * 6 * 4 + 2 * 5 * 6 * 6 + 2 * 5 * 4 * 6 + 2 * 5 * 5 * 6),
        ("embedding", new(5), """{ "vocabulary": 7, "width": 3 }""", 0),
        ("tiedEmbedding", new(5), """{ "vocabulary": 7, "width": 3 }""", 5 * 3 * 7),
        ("gram", new(3, 4, 5), null, 3 * 3 * 20),
        ("factorizationMachine", new(6), """{ "out": 2, "factors": 3 }""", 2 * 6 + 2 * (2 * 3 * 6)),
        ("squeezeExcite", new(8, 4, 4), """{ "": 4 }""", 8 * 2 + 2 * 8),
        ("basicBlock", new(4, 6, 6), """{ "out": 8, "stride": 2 }""", 8 * 9 * (36 + 72 + 4)),
        ("bottleneck", new(4, 6, 6), """{ "width": 2 }""", 36 * (4 * 2 + 2 * 2 * 9 + 2 * 8 + 4 * 8)),
        ("invertedResidual", new(4, 6, 6), """{ "out": 4 }""", 36 * (4 * 24 + 24 * 9 + 24 * 4)),
        ("denseBlock", new(4, 6, 6), """{ "layers": 2, "growth": 3, "width": 2 }""", 36 * (4 * 6 + 6 * 9 * 3 + 7 * 6 + 6 * 9 * 3)),
        ("transition", new(4, 6, 6), null, 36 * 4 * 2),
        ("fire", new(4, 6, 6), """{ "squeeze": 2, "expand": 3 }""", 36 * (4 * 2 + 2 * 3 + 2 * 9 * 3)),
        ("inception", new(4, 6, 6), """{ "one": 1, "beforeThree": 2, "three": 3, "beforeFive": 1, "five": 2, "pooled": 1 }""", 36 * (4 + 4 * 2 + 2 * 9 * 3 + 4 + 25 * 2 + 4)),
        ("ninBlock", new(4, 6, 6), """{ "out": 3 }""", 36 * (4 * 9 * 3 + 3 * 3 + 3 * 3)),
        ("residualAttention", new(4, 6, 6), """{ "trunk": [ { "pointwiseConv2d": 4 } ], "mask": [ { "pointwiseConv2d": 4 } ] }""", 2 * 36 * 4 * 4),
        ("residual", new(4, 6, 6), """{ "body": [ { "pointwiseConv2d": 4 } ] }""", 36 * 4 * 4),
        ("spatialTransformer", new(2, 4, 4), null, 2 * 16 * 6),
        // A factor and a term for each element are few beside the memory that they move.
        ("batchNorm", new(4, 6, 6), null, 0),
        ("groupNorm", new(4, 6, 6), """{ "groups": 2 }""", 0),
        ("instanceNorm", new(4, 6, 6), """{ "affine": true }""", 0),
        ("layerNorm", new(5, 6), null, 0),
        ("prelu", new(4, 6, 6), null, 0),
        ("positions", new(5, 6), null, 0),
    ];

    [Fact]
    public void Every_layer_with_weights_costs_what_counting_says()
    {
        foreach (var (layer, input, options, count) in _counts)
        {
            var network = Build(layer, input, 10, options);
            Assert.True(network.MultiplyAdds == count, $"{layer} {options} of {input}: {network.MultiplyAdds}, counted {count}");
            Assert.True(network.Layers.Sum(l => l.MultiplyAdds) == count, $"{layer} {options}: its rows sum to {network.Layers.Sum(l => l.MultiplyAdds)}, not {count}");
        }
    }

    [Fact]
    public void No_layer_with_weights_is_missing_here()
    {
        var counted = _counts.Select(c => c.Layer).ToHashSet();
        foreach (var (name, input) in Components.Layers())
            Assert.True(counted.Contains(name) || new Network(new Sequential(Components.Make<Layer>(name)), input).Layout.ParameterCount == 0, $"layer {name} has weights. Count its multiply-adds by hand and add it here.");
    }

    [Fact]
    public void Models_cost_the_sum_of_their_rows()
    {
        // Blocks of 12·D² for each of 64 positions and 2·64²·D of attention, four times; then 65 outputs.
        Assert.Equal(4 * (12L * 128 * 128 * 64 + 2 * 64 * 64 * 128) + 64 * 128 * 65, Total("gpt", new Shape(64), 65));
        Assert.Equal(55_058_432, Total("gpt", new Shape(64), 65));
        Assert.Equal(55_058_432, Total("gpt", new Shape(64), 65, """{ "tied": true }"""));
        Assert.Equal(1024L * (27 * 32 + 9 * 32 + 32 * 64) + 256 * (9 * 64 + 64 * 128 + 9 * 128 + 128 * 128) + 64 * (9 * 128 + 128 * 256 + 9 * 256 + 256 * 256) + 2560, Total("mobilenet", new Shape(3, 32, 32), 10));
        Assert.Equal(416_520, Total("lenet", new Shape(1, 28, 28), 10));
    }

    [Fact]
    public void A_tied_output_counts_in_its_own_row_and_attention_in_three()
    {
        var rows = Build("gpt", new Shape(16), 55, """{ "layers": 1, "width": 16, "heads": 2, "tied": true }""").Layers.Where(l => l.MultiplyAdds > 0).Select(l => (l.Kind, l.MultiplyAdds));
        Assert.Equal([("multiHeadAttention", 12_288L), ("scaledDotAttention", 8_192), ("linear", 4_096), ("linear", 16_384), ("linear", 16_384), ("linear", 14_080)], rows);
    }

    private static long Total(string model, Shape input, int outputs, string? options = null)
    {
        var network = Build(model, input, outputs, options);
        Assert.Equal(network.MultiplyAdds, network.Layers.Sum(l => l.MultiplyAdds));
        return network.MultiplyAdds;
    }

    private static Network Build(string name, Shape input, int outputs, string? options)
    {
        var (problems, given) = (new List<Problem>(), options is null ? null : (JsonObject)JsonNode.Parse(options)!);
        // lstm is a layer and a model.
        var network = Catalog.BuiltIn.Find<Layer>(name) is not null ? new Network(new Sequential(Catalog.BuiltIn.Create<Layer>(name, given, "spec", problems)!), input) : ModelBuilder.Build([(name, given)], input, outputs, problems);
        Assert.True(network is not null, $"{name} {options}: {string.Join(" ", problems)}");
        return network;
    }
}
