using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Learning.Layers;

/// <summary>Layers and losses as a spec writes them against PyTorch in float64: outputs and every gradient. The script beside the file made it.</summary>
public sealed class GoldenLayerTests
{
    private const double Limit = 1e-5;

    private static readonly JsonObject Golden = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests/DistTrain.Tests/Learning/Layers/Golden/layers.json")))!;

    public static TheoryData<string> Cases => [.. Golden["cases"]!.AsArray().Select(c => (string)c!["name"]!)];

    public static TheoryData<string> Losses => [.. Golden["losses"]!.AsArray().Select(c => (string)c!["name"]!)];

    [Theory, MemberData(nameof(Cases))]
    public void A_layer_gives_PyTorchs_outputs_and_gradients(string name)
    {
        var golden = Find("cases", name);
        var x = VectorTensor.Of(golden["x"], "x");
        foreach (var body in new[] { InstructionSet.Scalar, InstructionSet.Vector512 })
        {
            using var device = new CpuDevice(1, body);
            using var probe = new LayerProbe(Read<Layer>(golden["layer"]), x.Sample, device);
            var weights = probe.Network.Initialize(1);
            Slice Slice(string parameter) => Assert.Single(probe.Network.Layout.Slices, s => s.Name == parameter);
            foreach (var (parameter, value) in golden["weights"]!.AsObject())
            {
                var tensor = VectorTensor.Of(value, parameter);
                Assert.Equal(tensor.Shape, Slice(parameter).Shape);
                tensor.Floats.CopyTo(weights.AsSpan(Slice(parameter).Offset));
            }
            Assert.Equal(golden["weights"]!.AsObject().Select(w => w.Key).Order(), probe.Network.Parameters.Where(p => p.Kind == SliceKind.Parameter).Select(p => p.Name).Order());
            var found = probe.Run(weights, x.Floats, VectorTensor.Of(golden["cotangent"], "cotangent").Floats, Segments.One(x.Shape[0]));
            Near(golden["output"], "the output", found.Output);
            if (golden["grad"] is { } grad) Near(grad, "the input's gradient", found.InputGradient);
            foreach (var (parameter, value) in golden["grads"]!.AsObject())
                Near(value, $"the gradient of {parameter}", found.Gradient.AsSpan(Slice(parameter).Offset, Slice(parameter).Length), Cancels(name, parameter) ? golden["grads"]!.AsObject().Max(g => Largest(g.Value)) : 0);
        }
    }

    // A convolution before batch normalization: what its weights' size gives is taken out again, so terms near 20 leave 0.03. PyTorch's own float32 is 6e-4 of that off; beside the terms, 1e-6.
    private static bool Cancels(string name, string parameter) => (name, parameter) is ("denseBlock", "0.1.2.weight");

    private static double Largest(JsonNode? value) => VectorTensor.Of(value, "").Values.Max(Math.Abs);

    [Theory, MemberData(nameof(Losses))]
    public void A_loss_gives_PyTorchs_value_and_gradient(string name)
    {
        var golden = Find("losses", name);
        var (y, target, labels) = (VectorTensor.Of(golden["y"], "y"), VectorTensor.Of(golden["target"], "target"), (bool)golden["labels"]!);
        var loss = Read<Loss>(golden["loss"]);
        using var device = new CpuDevice(1);
        using var probe = new LayerProbe(null, y.Sample, device, loss, target.Sample, labels ? TargetKind.Labels : TargetKind.Values);
        var found = probe.Run(probe.Network.Initialize(1), y.Floats, labels ? target.Labels : target.Floats, Segments.One(y.Shape[0]));
        var (value, factor) = loss.Finish(found.Loss, found.Gradient[probe.Network.Layout.Metrics.Offset + 3]);
        Assert.Equal((double)golden["value"]!, value, Limit * Math.Max(1, Math.Abs(value)));
        Near(golden["grad"], "the gradient", [.. found.InputGradient.Select(g => (float)(g * factor))]);
    }

    [Fact]
    public void A_loss_that_wants_the_input_again_is_the_squared_or_logistic_loss_of_it()
    {
        var (samples, x) = (3, new float[3 * 6]);
        RandomFill.Uniform(x, 3, 0f, 1f);
        using var device = new CpuDevice(1);
        foreach (var (error, same) in new (ReconstructionError, Loss)[] { (ReconstructionError.Squared, new MeanSquaredError()), (ReconstructionError.CrossEntropy, new BinaryCrossEntropy(new())) })
        {
            using var again = new LayerProbe(new Linear(new(6)), new Shape(6), device, new Reconstruction(new(error)), new Shape(), TargetKind.Labels);
            using var given = new LayerProbe(new Linear(new(6)), new Shape(6), device, same, new Shape(6));
            var weights = again.Network.Initialize(4);
            var (a, b) = (again.Run(weights, x, new float[samples], Segments.One(samples)), given.Run(weights, x, x, Segments.One(samples)));
            Assert.Equal(b.Loss, a.Loss, 1e-6f);
            for (var i = 0; i < 6 * 6; i++) Assert.Equal(b.Gradient[i], a.Gradient[i], 1e-6f);
        }
    }

    private static JsonObject Find(string list, string name) => (JsonObject)Golden[list]!.AsArray().Single(c => (string)c!["name"]! == name)!;

    private static T Read<T>(JsonNode? spec) where T : class
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Read(typeof(T), spec, "spec", problems);
        Assert.True(made is not null, string.Join("\n", problems));
        return (T)made;
    }

    private static void Near(JsonNode? value, string what, ReadOnlySpan<float> ours, double terms = 0)
    {
        // What is 0 by cancellation is compared with the terms that cancel, which are of the size of outputs here.
        var error = (VectorTensor.Of(value, what) with { ZeroScale = 1 }).Error(ours) * (terms > 0 ? Largest(value) / terms : 1);
        Assert.True(error <= Limit, $"{what} is {error:g3} of its largest value off; the limit is {Limit:g1}.");
    }
}
