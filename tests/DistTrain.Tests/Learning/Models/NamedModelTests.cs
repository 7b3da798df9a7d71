using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Models;

/// <summary>The models of the papers by their parameters, which a wrong width, kernel or block changes, and one step of those that are small.</summary>
public sealed class NamedModelTests
{
    private static readonly Shape Large = new(3, 224, 224);

    // Counts of the published networks: torchvision's, but for alexnet and googlenet, which follow their papers (torchvision's have fewer channels, and batch normalization).
    [Theory]
    [InlineData("resnet18", 11_689_512)]
    [InlineData("resnet34", 21_797_672)]
    [InlineData("resnet50", 25_557_032)]
    [InlineData("resnet152", 60_192_808)]
    [InlineData("vgg11", 132_863_336)]
    [InlineData("vgg16", 138_357_544)]
    [InlineData("vgg19", 143_667_240)]
    [InlineData("alexnet", 62_378_344)]
    [InlineData("densenet121", 7_978_856)]
    [InlineData("squeezenet", 1_235_496)]
    [InlineData("mobilenetV1", 4_231_976)]
    [InlineData("mobilenetV2", 3_504_872)]
    [InlineData("googlenet", 6_998_552)]
    [InlineData("zfnet", 62_357_608)]
    [InlineData("shufflenetV2", 2_278_604)]
    [InlineData("efficientnet", 5_288_548)]
    public void A_network_for_large_images_has_the_published_parameters(string name, long parameters)
    {
        var network = new Network(Make(name, imageNet: true).Build(Large, 1000), Large);
        Assert.Equal((parameters, new Shape(1000)), (network.Layout.ParameterCount, network.Output));
    }

    // torchvision's shufflenet_v2_x0_5, x1_5, x2_0; mobilenet_v2 of width 0.5 and 1.4; efficientnet_b1 to b3; GoogLeNet's heads by hand: 128·(512 + 1) and 128·(528 + 1) for the 1 x 1 convolutions, 2·1024·(2048 + 1), 2·1000·(1024 + 1).
    [Theory]
    [InlineData("shufflenetV2", "width", 0.5, 1_366_792)]
    [InlineData("shufflenetV2", "width", 1.5, 3_503_624)]
    [InlineData("shufflenetV2", "width", 2.0, 7_393_996)]
    [InlineData("mobilenetV2", "width", 0.5, 1_968_680)]
    [InlineData("mobilenetV2", "width", 1.4, 6_108_776)]
    [InlineData("efficientnet", "phi", 1.0, 7_794_184)]
    [InlineData("efficientnet", "phi", 2.0, 9_109_994)]
    [InlineData("efficientnet", "phi", 3.0, 12_233_232)]
    [InlineData("googlenet", "auxiliary", 1.0, 6_998_552 + 65_664 + 67_712 + 4_196_352 + 2_050_000)]
    public void A_network_grows_as_published(string name, string option, double value, long parameters)
    {
        System.Text.Json.Nodes.JsonObject options = new() { ["stem"] = "imageNet", [option] = option == "auxiliary" ? value > 0 : value };
        var model = Catalog.BuiltIn.Create<Model>(name, options, "model", [])!;
        Assert.Equal(parameters, new Network(model.Build(Large, 1000), Large).Layout.ParameterCount);
    }

    [Fact]
    public void Tied_weights_of_a_language_model_are_one_parameter()
    {
        var (apart, tied) = (new Network(new Gpt(new()).Build(new Shape(64), 65), new Shape(64)), new Network(new Gpt(new() { Tied = true }).Build(new Shape(64), 65), new Shape(64)));
        Assert.Equal(apart.Layout.ParameterCount - 65 * 128 - 65, tied.Layout.ParameterCount);
        Assert.Single(tied.Parameters, p => p.Shape == new Shape(65, 128));
    }

    public static TheoryData<string> Small => [.. Catalog.BuiltIn.All<Model>().Select(m => m.Name).Where(name => name is not ("vgg19" or "resnet152"))];

    [Theory, MemberData(nameof(Small))]
    public void A_network_for_small_images_or_text_is_built(string name)
    {
        var input = name is "lstm" or "gpt" ? new Shape(64) : new Shape(3, 32, 32);
        var network = new Network(Make(name, imageNet: false).Build(input, 10), input);
        Assert.Equal(name switch { "lstm" or "gpt" => new Shape(64, 10), "autoencoder" or "sparseCoding" or "pca" => new Shape(input.Length), "logisticRegression" => new Shape(1), _ => new Shape(10) }, network.Output);
        Assert.True(network.Layout.ParameterCount > 0);
    }

    [Theory]
    [InlineData("squeezenet")]
    [InlineData("shufflenet")]
    [InlineData("mobilenetV2")]
    public void A_step_gives_every_parameter_a_finite_gradient(string name)
    {
        using var device = new CpuDevice(2);
        using var probe = new LayerProbe(Make(name, imageNet: false).Build(new Shape(3, 32, 32), 10), new Shape(3, 32, 32), device, new CrossEntropy(new()), new Shape());
        var x = new float[4 * 3 * 32 * 32];
        RandomFill.Normal(x, 1, 0f, 1f);
        var found = probe.Run(probe.Network.Initialize(1), x, probe.Target(4, 10, 1), new Segments([0, 2, 4]));
        Assert.InRange(found.Loss, 1f, 10f);
        Assert.All(probe.Network.Parameters.Where(p => p.Kind == SliceKind.Parameter), p =>
        {
            var gradient = found.Gradient.AsSpan(p.Slice.Offset, p.Slice.Length).ToArray();
            Assert.True(gradient.All(float.IsFinite) && gradient.Any(g => g != 0), $"the gradient of {p.Name} is not finite, or nothing but zeros");
        });
    }

    private static Model Make(string name, bool imageNet)
    {
        var problems = new List<Problem>();
        var stem = Catalog.BuiltIn.Find<Model>(name)!.Options.Any(o => o.Name == "stem");
        var model = Catalog.BuiltIn.Create<Model>(name, stem ? new() { ["stem"] = imageNet ? "imageNet" : "cifar" } : null, "model", problems);
        Assert.True(model is not null, string.Join("\n", problems));
        return model;
    }
}
