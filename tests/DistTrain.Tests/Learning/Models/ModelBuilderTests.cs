using System.Text.Json.Nodes;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Models;

public sealed class ModelBuilderTests
{
    [Theory]
    [InlineData("lenet", 61_706, "0.weight 0.bias 3.weight 3.bias 7.weight 7.bias 9.weight 9.bias 11.weight 11.bias")]
    [InlineData("mlp", 669_706, "0.weight 0.bias 2.weight 2.bias 4.weight 4.bias")]
    [InlineData("softmaxRegression", 7_850, "0.weight 0.bias")]
    public void Models_have_PyTorchs_names_and_counts(string model, int parameters, string names)
    {
        var network = Build(out _, (model, null))!;
        Assert.Equal(parameters, network.Layout.ParameterCount);
        Assert.Equal(names, string.Join(' ', network.Parameters.Select(p => p.Name)));
        Assert.Equal(new Shape(10), network.Output);
    }

    [Fact]
    public void A_list_of_layers_builds_LeNet_too()
    {
        var list = Build(out var problems, ("conv2d", Parse("""{ "out": 6, "kernel": 5, "padding": 2 }""")), ("relu", null), ("maxPool2d", Parse("""{ "": 2 }""")),
            ("conv2d", Parse("""{ "out": 16, "kernel": 5 }""")), ("relu", null), ("maxPool2d", Parse("""{ "": 2 }""")), ("flatten", null),
            ("linear", Parse("""{ "": 120 }""")), ("relu", null), ("linear", Parse("""{ "": 84 }""")), ("relu", null), ("linear", Parse("""{ "": 10 }""")));
        Assert.Empty(problems);
        Assert.Equal(Build(out _, ("lenet", null))!.Initialize(4), list!.Initialize(4));
        Assert.Equal(416_520, list.Layers.Sum(l => l.MultiplyAdds));
    }

    [Fact]
    public void A_shape_that_does_not_fit_names_the_layer_and_both_shapes()
    {
        Assert.Null(Build(out var problems, ("flatten", null), ("conv2d", Parse("""{ "out": 6, "kernel": 5 }"""))));
        Assert.Equal("spec.model does not fit together: layer 1 (conv2d) is given [784] for each sample. It takes [channels, height, width] of at least the window, 5 x 5 before padding. Change that layer or the one before it.", Assert.Single(problems).ToString());
    }

    [Fact]
    public void Unknown_names_and_wrong_options_are_all_reported()
    {
        Assert.Null(Build(out var problems, ("covn2d", null), ("linear", Parse("""{ "": 0 }""")), ("lenet", null)));
        Assert.Equal(["spec.model[0]", "spec.model[1].linear", "spec.model[2]"], problems.Select(p => p.Path));
        Assert.EndsWith("Did you mean conv2d?", problems[0].Message);
    }

    [Fact]
    public void A_model_that_is_too_large_says_so()
    {
        Assert.Null(Build(out var problems, ("flatten", null), ("linear", Parse("""{ "": 16777216 }"""))));
        Assert.Contains("is too large", Assert.Single(problems).Message);
    }

    [Fact]
    public void A_misspelled_model_lists_the_nearest()
    {
        Assert.Null(Build(out var problems, ("lenot", null)));
        Assert.EndsWith("Did you mean lenet?", Assert.Single(problems).Message);
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;

    private static Network? Build(out List<Problem> problems, params (string, JsonObject?)[] components) =>
        ModelBuilder.Build(components, new Shape(1, 28, 28), 10, problems = []);
}
