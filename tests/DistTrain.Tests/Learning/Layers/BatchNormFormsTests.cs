using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;
using DistTrain.Tests.Training;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Learning.Layers;

/// <summary>Batch normalization with a momentum, without weight and bias, and frozen: PyTorch's numbers in float64 (Golden/make_batch_norm.py), the same bits however leased, and what freezing does in a job.</summary>
public sealed class BatchNormFormsTests : IDisposable
{
    // Its own: other classes run at the same time.
    private readonly IReadOnlyList<(string Name, Device Device)> _devices =
        [("scalar", new CpuDevice(1, InstructionSet.Scalar)), ("256 bits", new CpuDevice(1, InstructionSet.Vector256)), ("512 bits, two threads", new CpuDevice(2, InstructionSet.Vector512))];

    private static readonly JsonArray _cases = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests/DistTrain.Tests/Learning/Layers/Golden/batch_norm.json")))!["cases"]!.AsArray();

    public static TheoryData<string> Cases => [.. _cases.Select(c => (string)c!["name"]!)];

    public void Dispose()
    {
        foreach (var (_, device) in _devices) device.Dispose();
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_form_gives_PyTorchs_output_gradients_and_running_statistics(string name)
    {
        var golden = _cases.Single(c => (string)c!["name"]! == name)!;
        VectorTensor Of(string member) => VectorTensor.Of(golden[member], member) with { ZeroScale = 1 };
        var x = Of("x");
        foreach (var (_, device) in _devices)
        {
            using var probe = new LayerProbe(Layer(golden["layer"]!), x.Sample, device);
            var (layout, weights) = (probe.Network.Layout, probe.Network.Initialize(1));
            Assert.Equal(golden["weights"]!.AsObject().Select(w => w.Key).Order(), probe.Network.Parameters.Where(p => p.Kind == SliceKind.Parameter).Select(p => p.Name).Order());
            foreach (var (parameter, value) in golden["weights"]!.AsObject()) VectorTensor.Of(value, parameter).Floats.CopyTo(weights.AsSpan(layout.Slices.Single(s => s.Name == parameter).Offset));
            var moments = layout.Slices.Single(s => s.Kind == SliceKind.Moments);
            var running = weights.AsSpan(moments.Offset, moments.Length);
            for (var c = 0; c < moments.Shape[0]; c++) (running[3 * c + 1], running[3 * c + 2]) = (Of("mean").Floats[c], Of("var").Floats[c]);
            var found = probe.Run(weights, x.Floats, Of("cotangent").Floats, Segments.One(x.Shape[0]));
            MomentsUpdate.Apply(running, found.Gradient.AsSpan(moments.Offset, moments.Length), moments.Momentum);
            Near(Of("output").Error(found.Output), "output");
            Near(Of("grad").Error(found.InputGradient), "the input's gradient");
            foreach (var (parameter, value) in golden["grads"]!.AsObject())
                Near(VectorTensor.Of(value, parameter).Error(found.Gradient.AsSpan(layout.Slices.Single(s => s.Name == parameter).Offset, moments.Shape[0])), parameter);
            Near(Of("meanAfter").Error([.. running.ToArray().Where((_, i) => i % 3 == 1)]), "running mean");
            Near(Of("varAfter").Error([.. running.ToArray().Where((_, i) => i % 3 == 2)]), "running variance");
            Assert.Equal(name.StartsWith("frozen", StringComparison.Ordinal) ? 0f : 1f, running[0]);
        }

        void Near(double error, string what) => Assert.True(error <= 1e-5, $"{name}: {what} is {error:g3} of its largest value off");
    }

    [Theory]
    [InlineData("""{ "batchNorm": { "frozen": true } }""")]
    [InlineData("""{ "batchNorm": { "affine": false, "momentum": 0.25 } }""")]
    [InlineData("""{ "batchNorm": { "affine": false, "frozen": true } }""")]
    public void No_lease_thread_count_or_instruction_set_changes_a_bit(string spec)
    {
        foreach (var shape in new[] { new Shape(18, 3, 7), new Shape(35) })
        {
            var wrong = LeaseCheck.Run(new LeaseSubject($"{spec} on {shape}", () => new Sequential(Layer(JsonNode.Parse(spec)!)), shape, Samples: 21), _devices, [1, 4, 8]);
            Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(10)));
            using var probe = new LayerProbe(Layer(JsonNode.Parse(spec)!), shape.Length > 130 ? new Shape(4, 3, 2) : shape, _devices[0].Device);
            Assert.Empty(GradientCheck.Run(probe, samples: 3));
        }
    }

    [Theory]
    [InlineData("[flatten, {linear: 12}, {batchNorm: {momentum: 0.4}}, relu, {linear: 10}]", "[]", true)]
    [InlineData("[flatten, {linear: 12}, {batchNorm: {frozen: true}}, relu, {linear: 10}]", "[]", false)]
    [InlineData("[flatten, {linear: 12}, batchNorm, relu, {linear: 10}]", "[{freeze: \"2.*\"}]", false)]
    [InlineData("[flatten, {linear: 12}, batchNorm, relu, {linear: 10}]", "[{freeze: 2.weight}]", true)]
    public async Task A_frozen_layer_keeps_its_statistics_in_a_job_and_the_bits_are_the_oracle_s(string model, string parameters, bool moves)
    {
        var plan = JobPlanner.Plan(JobFile.BuiltIn([.. new[] { "data.format={digits: {train: 128, test: 40}}", $"model={model}", $"training.parameters={parameters}", "training.epochs=1", "training.microBatches=4", "training.batchSize=64", "optimizer={momentum: 0.05}" }.Select(SpecOverride.Parse)]));
        var trainer = new LocalTrainer(plan.Job);
        var oracle = trainer.Run();
        var moments = plan.Job.Layout.Slices.Single(s => s.Kind == SliceKind.Moments);
        var running = trainer.Weights.View.Part(moments.Offset, moments.Length).AsSpan().ToArray();
        Assert.Equal(moves, running.Where((_, i) => i % 3 == 1).Any(mean => mean != 0));
        Assert.Equal(moves ? 2f : 0f, running[0]);
        using var cluster = new EmbeddedCluster(plan.Job, plan.Options with { Workers = 3, Shards = 2, ComputeThreads = 1, CheckpointFolder = "" });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    [Fact]
    public void Only_statistics_that_a_batch_makes_ask_for_larger_micro_batches()
    {
        bool Asks(Layer norm, Func<string, bool>? frozen = null) => new Network(new Sequential(new Linear(new(4)), norm), new Shape(3), frozen: frozen).HasBatchStatistics;
        Assert.True(Asks(new BatchNorm(new())));
        Assert.False(Asks(new BatchNorm(new(Frozen: true))));
        Assert.False(Asks(new BatchNorm(new()), name => name == "1.running"));
    }

    private static Layer Layer(JsonNode spec)
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Read(typeof(Layer), spec.DeepClone(), "spec", problems);
        Assert.True(made is not null, string.Join("\n", problems));
        return (Layer)made;
    }
}
