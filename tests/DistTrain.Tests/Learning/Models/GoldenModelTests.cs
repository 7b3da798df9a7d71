using System.Text.Json;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Learning.Models;

/// <summary>Whole models against PyTorch in float64: parameters in its order and layouts, loss, outputs, and the gradient of every parameter. The script beside the file made it.</summary>
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
        foreach (var (value, index) in golden.GetProperty("output").EnumerateArray().Select((v, i) => (v.GetDouble(), i)))
            Assert.True(Math.Abs(value - found.Output[index]) <= 1e-5 * Math.Max(1, Math.Abs(value)), $"output {index} is {found.Output[index]}, PyTorch's is {value}");
        var wrong = new List<string>();
        for (var i = 0; i < parameters.Count; i++)
        {
            var (norm, product) = (values[i].GetProperty("norm").GetDouble(), values[i].GetProperty("product").GetDouble());
            var gradient = found.Gradient.AsSpan(parameters[i].Slice.Offset, parameters[i].Slice.Length);
            var (squares, along) = (0.0, 0.0);
            for (var j = 0; j < gradient.Length; j++) (squares, along) = (squares + (double)gradient[j] * gradient[j], along + gradient[j] * Hashed(j, 1000 + i));
            if (!(Math.Abs(Math.Sqrt(squares) - norm) <= tolerance * norm + 1e-8)) wrong.Add($"{parameters[i].Name}: norm {Math.Sqrt(squares):g9}, PyTorch's {norm:g9}");
            if (!(Math.Abs(along - product) <= tolerance * norm + 1e-8)) wrong.Add($"{parameters[i].Name}: product {along:g9}, PyTorch's {product:g9}, norm {norm:g4}");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static void Fill(Parameter parameter, int seed, float[] weights)
    {
        var fan = 1;
        foreach (var axis in parameter.Shape.Axes[1..]) fan *= axis;
        for (var i = 0; i < parameter.Slice.Length; i++)
        {
            var u = Hashed(i, seed);
            weights[parameter.Slice.Offset + i] = (float)(parameter.Shape.Rank > 1 ? u * Math.Sqrt(3.0 / fan) : parameter.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 + u / 8 : u / 8);
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

    private static JsonElement Read(string model)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests/DistTrain.Tests/Learning/Models/Golden/models.json")));
        return document.RootElement.GetProperty("cases").EnumerateArray().First(c => c.GetProperty("model").GetString() == model).Clone();
    }
}
