using System.Text.RegularExpressions;
using DistTrain.Learning;
using DistTrain.Tests.House;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Learning.Checkpoints;

/// <summary>Weights under torchvision's names into our residual networks, and the example of docs/weights.md as it is printed.</summary>
public sealed partial class TorchvisionWeightsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("resnet18", TorchvisionNet.Resnet18, 122)]
    [InlineData("resnet34", TorchvisionNet.Resnet34, 218)]
    [InlineData("resnet50", TorchvisionNet.Resnet50, 320)]
    [InlineData("resnet152", TorchvisionNet.Resnet152, 932)]
    public void Every_name_of_the_state_dict_is_a_tensor_of_ours_and_none_is_left(string model, TorchvisionNet net, int tensors)
    {
        var names = Torchvision(net).ToList();
        Assert.Equal(tensors, names.Count); // len(torchvision.models.X().state_dict())
        var rule = new TorchvisionWeights(new(net));
        var ours = NetworkOf(model).Layout.Slices.SelectMany(StateDict.Names).ToList();
        // Both are in the order of the forward pass, but for the shortcut, which comes after the body in both.
        Assert.Equal(ours, names.Select(name => rule.Fits(name) is { } rest ? rule.NameOf(rest)! : $"{name} does not fit"));
        foreach (var foreign in new[] { "layer5.0.conv1.weight", "layer1.9999.conv1.weight", "layer1.0.conv4.weight", "layer1.0.downsample.2.weight", "features.0.weight", "conv1", "layer1.x.bn1.bias", "head.weight" }) Assert.Null(rule.Fits(foreign));
    }

    [Fact]
    public void The_stem_of_small_images_begins_a_layer_earlier()
    {
        var rule = new TorchvisionWeights(new(TorchvisionNet.Resnet18, Stem.Cifar));
        Assert.Equal(new Network(new ResNet18(new()).Build(new(3, 32, 32), 1000), new(3, 32, 32)).Layout.Slices.SelectMany(StateDict.Names), Torchvision(TorchvisionNet.Resnet18).Select(name => rule.NameOf(name)));
    }

    [Fact]
    public void The_page_s_example_plans_as_it_is_printed_and_takes_the_file_s_weights()
    {
        var source = NetworkOf("resnet18");
        var (values, path) = (source.Initialize(11), Path.Combine(_folder, "resnet18.safetensors"));
        var names = Torchvision(TorchvisionNet.Resnet18).ToList();
        var plain = Path.Combine(_folder, "ours.safetensors");
        using (var stream = File.Create(plain)) StateDict.Write(stream, source.Layout, values);
        Renamed(plain, path, source.Layout.Slices.SelectMany(StateDict.Names).Zip(names).ToDictionary(p => p.First, p => p.Second));

        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "weights.md"));
        var yaml = YamlBlock().Match(page).Groups[1].Value.Replace("weights/resnet18.safetensors", path, StringComparison.Ordinal);
        Pictures();
        var job = Path.Combine(_folder, "job.yaml");
        File.WriteAllText(job, "apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: { name: page }\n" + yaml.Replace("data/pictures", Path.Combine(_folder, "pictures"), StringComparison.Ordinal));
        var plan = JobPlanner.Plan(JobFile.Load(job));
        var weights = new float[plan.Network.Layout.Length];
        var problems = new List<string>();
        ForeignWeights.Open(path, plan.Network.Layout, [new SkipWeights(new("fc.*")), new TorchvisionWeights(new(TorchvisionNet.Resnet18))], strict: false, problems)!.Fill(weights);
        Assert.Empty(problems);
        var (from, to) = (source.Layout.Slices.First(s => s.Name == "4.body.0.weight"), plan.Network.Layout.Slices.First(s => s.Name == "4.body.0.weight"));
        Assert.Equal(values.AsSpan(from.Offset, from.Length), weights.AsSpan(to.Offset, to.Length));
        var head = plan.Network.Layout.Slices.First(s => s.Name == "13.weight");
        Assert.Equal(2, head.Shape[0]);
        Assert.All(weights[head.Offset..(head.Offset + head.Length)], w => Assert.Equal(0f, w)); // not in the file: as it was
    }

    // torchvision/models/resnet.py: conv1, bn1, layer1 to layer4 of blocks, fc; a block's downsample comes after its body in the state dict.
    private static IEnumerable<string> Torchvision(TorchvisionNet net)
    {
        var deep = net is TorchvisionNet.Resnet50 or TorchvisionNet.Resnet152;
        int[] blocks = net switch { TorchvisionNet.Resnet18 => [2, 2, 2, 2], TorchvisionNet.Resnet152 => [3, 8, 36, 3], _ => [3, 4, 6, 3] };
        string[] norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
        List<string> names = ["conv1.weight", .. norm.Select(n => $"bn1.{n}")];
        for (var layer = 1; layer <= 4; layer++)
            for (var block = 0; block < blocks[layer - 1]; block++)
            {
                for (var k = 1; k <= (deep ? 3 : 2); k++) names.AddRange([$"layer{layer}.{block}.conv{k}.weight", .. norm.Select(n => $"layer{layer}.{block}.bn{k}.{n}")]);
                if (block == 0 && (layer > 1 || deep)) names.AddRange([$"layer{layer}.0.downsample.0.weight", .. norm.Select(n => $"layer{layer}.0.downsample.1.{n}")]);
            }
        return [.. names, "fc.weight", "fc.bias"];
    }

    private static Network NetworkOf(string model)
    {
        var made = (Model)Catalog.BuiltIn.Create<Model>(model, new() { ["stem"] = "imageNet" }, "model", [])!;
        return new Network(made.Build(new(3, 64, 64), 1000), new(3, 64, 64));
    }

    // A safetensors file with its header's names changed: 8 bytes of length, JSON, tensors.
    private static void Renamed(string from, string to, Dictionary<string, string> names)
    {
        var bytes = File.ReadAllBytes(from);
        var length = (int)BitConverter.ToInt64(bytes);
        var header = System.Text.Json.Nodes.JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject();
        var renamed = new System.Text.Json.Nodes.JsonObject(header.Where(p => p.Key != "__metadata__").Select(p => KeyValuePair.Create(names[p.Key], (System.Text.Json.Nodes.JsonNode?)p.Value!.DeepClone())));
        var text = System.Text.Encoding.UTF8.GetBytes(renamed.ToJsonString());
        File.WriteAllBytes(to, [.. BitConverter.GetBytes((long)text.Length), .. text, .. bytes.AsSpan(8 + length)]);
    }

    private void Pictures()
    {
        foreach (var name in new[] { "cat", "dog" })
        {
            Directory.CreateDirectory(Path.Combine(_folder, "pictures", name));
            for (var n = 0; n < 6; n++)
            {
                using var stream = File.Create(Path.Combine(_folder, "pictures", name, $"{n}.png"));
                PngWriter.Write(stream, new Picture(64, 64, 3, [.. Enumerable.Range(0, 3 * 64 * 64).Select(i => (byte)(i * (n + 3) + name[0]))]));
            }
        }
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex YamlBlock();
}
