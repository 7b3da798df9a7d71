using System.Text.Json;
using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Learning.Models;

/// <summary>Whole models against PyTorch in float64: parameters in its order and layouts, loss, outputs, and the gradient of every parameter. The scripts beside the files made them.</summary>
public sealed class GoldenModelTests
{
    private const int Samples = 4;

    // Outputs and loss within 1e-5; gradients relative to their norm. Sixteen batch normalizations of four samples magnify float32's rounding.
    [Theory]
    [InlineData("mlp", 1e-5)]
    [InlineData("lenet", 1e-5)]
    [InlineData("resnet18", 1e-4)]
    [InlineData("mobilenet", 1e-4)]
    [InlineData("lstm", 1e-5)]
    [InlineData("gpt", 1e-5)]
    public void Loss_outputs_and_gradients_are_those_of_PyTorch(string model, double tolerance)
    {
        var golden = Read(model);
        var input = new Shape([.. golden.GetProperty("input").EnumerateArray().Select(a => a.GetInt32())]);
        var text = model is "lstm" or "gpt";
        var (classes, target) = text ? (65, new Shape(64)) : (10, new Shape());
        using var device = new CpuDevice(2);
        using var probe = new LayerProbe(Catalog.BuiltIn.Create<Model>(model, null, "model", [])!.Build(input, classes), input, device, new CrossEntropy(new()), target);
        var network = probe.Network;
        var parameters = network.Parameters.Where(p => p.Kind == SliceKind.Parameter).ToList();
        var values = golden.GetProperty("parameters").EnumerateArray().ToList();
        Assert.Equal(values.Select(v => $"[{string.Join(", ", v.GetProperty("shape").EnumerateArray())}]"), parameters.Select(p => p.Shape.ToString()));

        var weights = network.Initialize(0);
        for (var i = 0; i < parameters.Count; i++) Fill(parameters[i], 10 + i, weights);
        var x = Enumerable.Range(0, Samples * input.Length).Select(i => 2 * Hashed(i, 1)).Select(v => text ? (int)((v + 2) / 4 * 65) : (float)v).ToArray();
        var labels = Enumerable.Range(0, Samples * target.Length).Select(i => BitConverter.Int32BitsToSingle((int)((Hashed(i, 2) + 1) / 2 * classes))).ToArray();
        var found = probe.Run(weights, x, labels, Segments.One(Samples));

        Assert.Equal(golden.GetProperty("loss").GetDouble(), found.Loss, 1e-5);
        var wrong = Differences(golden, found, 1e-5, parameters, tolerance, i => (values[i].GetProperty("norm").GetDouble(), values[i].GetProperty("product").GetDouble()));
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    public static TheoryData<int> Documents() => new(Enumerable.Range(0, Cases("documents.json").Count));

    // Networks of the papers, written a second time apart from ours.
    [Theory, MemberData(nameof(Documents))]
    public void A_network_of_the_papers_has_the_outputs_and_gradients_of_one_written_in_PyTorch(int index)
    {
        var golden = Cases("documents.json")[index];
        var (name, side) = (golden.GetProperty("model").GetString()!, golden.GetProperty("side").GetInt32());
        var (input, options) = (new Shape(3, side, side), JsonNode.Parse(golden.GetProperty("options").GetRawText())!.AsObject());
        var normalized = name is not ("alexnet" or "zfnet" or "vgg11" or "vgg16" or "nin" or "googlenet" or "squeezenet");
        if (Catalog.BuiltIn.Find<Model>(name)!.Options.Any(o => o.Name == "dropout")) options["dropout"] = 0;
        using var device = new CpuDevice(2);
        using var probe = new LayerProbe(Catalog.BuiltIn.Create<Model>(name, options, "model", [])!.Build(input, 10), input, device, new CrossEntropy(new()), new Shape(), TargetKind.Labels);
        var network = probe.Network;
        var parameters = network.Parameters.Where(p => p.Kind == SliceKind.Parameter).ToList();
        var values = golden.GetProperty("parameters").EnumerateArray().ToList();
        Assert.Equal(values.Select(v => v[0].GetInt32()), parameters.Select(p => p.Slice.Length));
        var weights = network.Initialize(0);
        for (var i = 0; i < parameters.Count; i++) Fill(parameters[i], 10 + i, weights, gain: 6);
        float[] x = [.. Enumerable.Range(0, Samples * input.Length).Select(i => (float)(2 * Hashed(i, 1)))];
        float[] labels = [.. Enumerable.Range(0, Samples).Select(i => BitConverter.Int32BitsToSingle((int)((Hashed(i, 2) + 1) / 2 * 10)))];
        var found = probe.Run(weights, x, labels, Segments.One(Samples));
        // Within four times of what PyTorch's own float32 misses; a ReLU of a value near 0 that goes the other way moves gradients behind a normalization by some percent, there as here.
        var (outputs, gradients) = (4 * golden.GetProperty("float32")[0].GetDouble() + 1e-6, Math.Max(4 * golden.GetProperty("float32")[1].GetDouble(), normalized ? 0.05 : 1e-5));
        var wrong = Differences(golden, found, outputs, parameters, gradients, i => (values[i][1].GetDouble(), values[i][2].GetDouble()));
        var loss = golden.GetProperty("loss").GetDouble();
        if (!(Math.Abs(found.Loss - loss) <= outputs * Math.Max(1, loss))) wrong.Add($"the loss is {found.Loss}, PyTorch's {loss}");
        Assert.True(wrong.Count == 0, $"{name} {options.ToJsonString()}: {wrong.Count} differ\n" + string.Join("\n", wrong.Take(12)));
    }

    private static List<string> Differences(JsonElement golden, ProbeResult found, double outputs, List<Parameter> parameters, double tolerance, Func<int, (double Norm, double Product)> values)
    {
        var wrong = new List<string>();
        var floor = 1e-8 + 1e-6 * Enumerable.Range(0, parameters.Count).Max(i => values(i).Norm); // a bias before a normalization: exactly 0
        foreach (var (value, index) in golden.GetProperty("output").EnumerateArray().Select((v, i) => (v.GetDouble(), i)))
            if (!(Math.Abs(value - found.Output[index]) <= outputs * Math.Max(1, Math.Abs(value)))) wrong.Add($"output {index} is {found.Output[index]}, PyTorch's is {value}");
        for (var i = 0; i < parameters.Count; i++)
        {
            var (norm, product) = values(i);
            var gradient = found.Gradient.AsSpan(parameters[i].Slice.Offset, parameters[i].Slice.Length);
            var (squares, along) = (0.0, 0.0);
            for (var j = 0; j < gradient.Length; j++) (squares, along) = (squares + (double)gradient[j] * gradient[j], along + gradient[j] * Hashed(j, 1000 + i));
            if (!(Math.Abs(Math.Sqrt(squares) - norm) <= tolerance * norm + floor)) wrong.Add($"{parameters[i].Name}: norm {Math.Sqrt(squares):g9}, PyTorch's {norm:g9}");
            if (!(Math.Abs(along - product) <= tolerance * norm + floor)) wrong.Add($"{parameters[i].Name}: product {along:g9}, PyTorch's {product:g9}, norm {norm:g4}");
        }
        return wrong;
    }

    private static void Fill(Parameter parameter, int seed, float[] weights, double gain = 3)
    {
        var fan = 1;
        foreach (var axis in parameter.Shape.Axes[1..]) fan *= axis;
        for (var i = 0; i < parameter.Slice.Length; i++)
        {
            var u = Hashed(i, seed);
            weights[parameter.Slice.Offset + i] = (float)(parameter.Shape.Rank > 1 ? u * Math.Sqrt(gain / fan) : parameter.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 + u / 8 : u / 8);
        }
    }

    private static double Hashed(int i, int seed)
    {
        var x = unchecked((uint)i + (uint)((ulong)seed * 0x9E3779B9));
        x = unchecked((x ^ (x >> 16)) * 0x7FEB352Du);
        x = unchecked((x ^ (x >> 15)) * 0x846CA68Bu);
        x ^= x >> 16;
        return (x >> 8) / 8388608.0 - 1;
    }

    private static JsonElement Read(string model) => Cases("models.json").First(c => c.GetProperty("model").GetString() == model);

    private static List<JsonElement> Cases(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests/DistTrain.Tests/Learning/Models/Golden", file)));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone())];
    }
}
