using System.Text.Json.Nodes;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning;

public sealed class CatalogTests
{
    [Theory]
    [InlineData("""{ "lr": -1 }""", "spec.optimizer.adam.lr is -1. It must be a finite number, above 0 and at most 1000000.")]
    [InlineData("""{ "lr": 0 }""", "spec.optimizer.adam.lr is 0. It must be a finite number, above 0 and at most 1000000.")]
    [InlineData("""{ "lr": 1e400 }""", "spec.optimizer.adam.lr is 1e400. It must be a finite number, above 0 and at most 1000000.")]
    [InlineData("""{ "lr": 1e30 }""", "spec.optimizer.adam.lr is 1e30. It must be a finite number, above 0 and at most 1000000.")]
    [InlineData("""{ "lr": "fast" }""", "spec.optimizer.adam.lr is \"fast\". It must be a finite number, above 0 and at most 1000000.")]
    [InlineData("""{ "lr": null }""", "spec.optimizer.adam.lr is null. It must be a finite number, above 0 and at most 1000000.")]
    [InlineData("""{ "beta1": 1 }""", "spec.optimizer.adam.beta1 is 1. It must be a finite number, at least 0 and below 1.")]
    [InlineData("""{ "bata1": 0.5 }""", "spec.optimizer.adam.bata1 is not an option of adam. It takes lr, beta1, beta2, epsilon, weightDecay. Did you mean beta1?")]
    [InlineData("""{ "": [1] }""", "spec.optimizer.adam is [1]. It must be a finite number, above 0 and at most 1000000.")]
    [InlineData("""{ "": 1, "lr": 1 }""", "spec.optimizer.adam.lr is set twice: lr is also the short form. Set it once.")]
    public void A_wrong_option_is_a_problem_with_its_path(string options, string expected) =>
        Assert.Equal(expected, Assert.Single(Problems<Optimizer>("adam", options)).ToString());

    [Theory]
    [InlineData("conv2d", """{ "out": 6 }""", "spec.conv2d.kernel is not set. It must be a whole number, or two (height, width), between 1 and 4096.")]
    [InlineData("conv2d", """{ "out": 6, "kernel": [3, 0] }""", "spec.conv2d.kernel[1] is 0. It must be a whole number, or two (height, width), between 1 and 4096.")]
    [InlineData("conv2d", """{ "out": 6, "kernel": 3, "groups": 4 }""", "spec.conv2d.groups is 4. It must divide out = 6.")]
    [InlineData("conv2d", """{ "out": 6.5, "kernel": 3 }""", "spec.conv2d.out is 6.5. It must be a whole number, between 1 and 1048576.")]
    [InlineData("conv2d", """{ "out": 6, "kernel": 3, "bias": 1 }""", "spec.conv2d.bias is 1. It must be true or false.")]
    [InlineData("maxPool2d", """{ "kernel": 2, "padding": 2 }""", "spec.maxPool2d.padding is 2. It must be at most half the kernel, 2.")]
    [InlineData("relu", """{ "slope": 2 }""", "spec.relu.slope is set. relu takes no options; remove it.")]
    [InlineData("linear", """{ "out": 3, "weightInit": "xavier" }""", "spec.linear.weightInit is xavier. It must be one of constant, edges, fanInUniform, identity, kaimingNormal, kaimingUniform, lecunNormal, normal, orthogonal, truncatedNormal, uniform, xavierNormal, xavierUniform. Did you mean xavierNormal?")]
    [InlineData("linear", """{ "out": 3, "weightInit": { "kaimingNormal": { "mode": "fanout" } } }""", "spec.linear.weightInit.kaimingNormal.mode is \"fanout\". It must be one of fanIn, fanOut. Did you mean fanOut?")]
    public void A_wrong_layer_option_is_a_problem_with_its_path(string layer, string options, string expected) =>
        Assert.Equal(expected, Assert.Single(Problems<Layer>(layer, options)).ToString());

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        var problems = Problems<Optimizer>("adam", """{ "lr": -1, "beta1": 2, "eps": 1 }""");
        Assert.Equal(["spec.optimizer.adam.lr", "spec.optimizer.adam.beta1", "spec.optimizer.adam.eps"], problems.Select(p => p.Path));
    }

    [Fact]
    public void A_number_that_JSON_cannot_hold_is_named()
    {
        var problems = new List<Problem>();
        Assert.Null(Catalog.BuiltIn.Create<Optimizer>("sgd", new JsonObject { ["lr"] = double.NaN, ["weightDecay"] = double.PositiveInfinity }, "spec.optimizer", problems));
        Assert.Equal(["spec.optimizer.sgd.lr is NaN. It must be a finite number, above 0 and at most 1000000.", "spec.optimizer.sgd.weightDecay is Infinity. It must be a finite number, between 0 and 1000000."], problems.Select(p => p.ToString()));
    }

    [Fact]
    public void An_unknown_name_lists_the_nearest() =>
        Assert.Equal($"spec.optimizer is adma. It must be one of {string.Join(", ", Catalog.BuiltIn.All<Optimizer>().Select(o => o.Name))}. Did you mean adam?", Assert.Single(Problems<Optimizer>("adma", "{}")).ToString());

    [Fact]
    public void The_short_form_sets_the_first_option()
    {
        Assert.Equal(0.25, Create<Optimizer>("sgd", """{ "": 0.25 }""").LearningRate);
        Assert.Equal(new Shape(4), new Network(Create<Layer>("linear", """{ "": 4 }"""), new Shape(3)).Output);
        Assert.Equal(new Shape(1, 2, 1), new Network(Create<Layer>("maxPool2d", """{ "": [2, 5] }"""), new Shape(1, 4, 5)).Output);
    }

    [Fact]
    public void Every_component_and_every_option_says_what_it_is()
    {
        var silent = Catalog.BuiltIn.Kinds.SelectMany(Catalog.BuiltIn.All).SelectMany(c =>
            c.Options.Where(o => o.Doc.Length == 0).Select(o => $"{c.Type.Name}.{o.Name}").Concat(c.Doc.Length == 0 ? [c.Type.Name] : [])).ToList();
        Assert.True(silent.Count == 0, $"without a docstring: {string.Join(", ", silent)}");
        Assert.Contains("Kingma", Catalog.BuiltIn.Find<Optimizer>("adam")!.Doc);
    }

    [Fact]
    public void Options_are_described_with_names_defaults_and_ranges()
    {
        var options = Catalog.BuiltIn.Find<Layer>("conv2d")!.Options;
        Assert.Equal(["out", "kernel", "stride", "padding", "dilation", "groups", "bias", "flipped", "weightInit", "biasInit"], options.Select(o => o.Name));
        Assert.Equal([true, true, false, false, false, false, false, false, false, false], options.Select(o => o.Required));
        Assert.Equal((new Pair(1, 1), 1.0, 4096.0), (options[2].Default, options[2].Minimum, options[2].Maximum));
        Assert.Equal("above 0 and at most 1000000", Catalog.BuiltIn.Find<Optimizer>("sgd")!.Options[0].RangeText);
    }

    [Fact]
    public void Every_default_lies_in_its_own_range()
    {
        foreach (var component in Catalog.BuiltIn.Kinds.SelectMany(Catalog.BuiltIn.All))
            foreach (var option in component.Options.Where(o => o is { Required: false, Range: not null, IsList: false, Default: IConvertible }))
                Assert.True(option.Contains(Convert.ToDouble(option.Default)), $"{component.Name}.{option.Name} = {option.Default} is not {option.RangeText}");
    }

    [Fact]
    public void A_plug_in_that_reuses_a_name_fails_at_start()
    {
        var error = Assert.Throws<InvalidOperationException>(() => new Catalog(typeof(CatalogTests).Assembly));
        Assert.Contains("are both optimizer \"sgd\"; names of one kind must differ", error.Message);
    }

    private static List<Problem> Problems<T>(string name, string options) where T : class
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Create<T>(name, (JsonObject)JsonNode.Parse(options)!, typeof(T) == typeof(Optimizer) ? "spec.optimizer" : "spec", problems);
        Assert.Equal(problems.Count > 0, made is null);
        return problems;
    }

    private static T Create<T>(string name, string options) where T : class
    {
        var problems = new List<Problem>();
        return Catalog.BuiltIn.Create<T>(name, (JsonObject)JsonNode.Parse(options)!, "spec", problems) ?? throw new InvalidDataException(string.Join("\n", problems));
    }

    [Named("sgd")]
    public sealed class SecondSgd : Optimizer
    {
        public override double LearningRate => 1;

        public override int StateCount => 0;

        public override IReadOnlyList<string> StateNames => [];

        public override int Scalars(long update, double learningRate, Span<float> scalars) => 0;

        public override void Apply(DistTrain.Kernels.Device device, ReadOnlySpan<float> scalars, float coefficient, DistTrain.Kernels.View weights, DistTrain.Kernels.View gradient, DistTrain.Kernels.View state0, DistTrain.Kernels.View state1, DistTrain.Kernels.View state2) { }
    }
}
