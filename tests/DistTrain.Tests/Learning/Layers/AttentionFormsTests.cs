using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;
using DistTrain.Tests.Training;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Learning.Layers;

/// <summary>Attention with a memory, with padding and with dropped weights: PyTorch's numbers in float64 (Golden/make_attention.py), what dropping does, and jobs that train.</summary>
public sealed class AttentionFormsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain").FullName;

    private static readonly JsonArray _cases = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests/DistTrain.Tests/Learning/Layers/Golden/attention.json")))!["cases"]!.AsArray();

    public static TheoryData<string> Cases => [.. _cases.Select(c => (string)c!["name"]!)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Cases))]
    public void A_form_gives_PyTorchs_output_and_gradients(string name)
    {
        var golden = _cases.Single(c => (string)c!["name"]! == name)!;
        VectorTensor Of(JsonNode? value) => VectorTensor.Of(value, name) with { ZeroScale = 1 };
        var x = Of(golden["x"]);
        foreach (var body in new[] { InstructionSet.Scalar, InstructionSet.Vector256, InstructionSet.Vector512 })
        {
            using var device = new CpuDevice(2, body);
            using var probe = new LayerProbe(new Sequential([.. golden["layers"]!.AsArray().Select(Layer)]), x.Sample, device);
            var (layout, weights) = (probe.Network.Layout, probe.Network.Initialize(1));
            Assert.Equal(golden["weights"]!.AsObject().Select(w => w.Key).Order(), probe.Network.Parameters.Select(p => p.Name).Order());
            Slice Slice(string parameter) => layout.Slices.Single(s => s.Name == parameter);
            foreach (var (parameter, value) in golden["weights"]!.AsObject())
            {
                Assert.Equal(Of(value).Shape, Slice(parameter).Shape);
                Of(value).Floats.CopyTo(weights.AsSpan(Slice(parameter).Offset));
            }
            var found = probe.Run(weights, x.Floats, Of(golden["cotangent"]).Floats, Segments.One(x.Shape[0]));
            Near(Of(golden["output"]).Error(found.Output), "output");
            if (golden["grad"] is { } grad) Near(Of(grad).Error(found.InputGradient), "the input's gradient");
            foreach (var (parameter, value) in golden["grads"]!.AsObject()) Near(Of(value).Error(found.Gradient.AsSpan(Slice(parameter).Offset, Slice(parameter).Length)), parameter);
        }

        void Near(double error, string what) => Assert.True(error <= 1e-5, $"{name}: {what} is {error:g3} of its largest value off");
    }

    [Fact]
    public void Dropped_weights_are_zero_or_scaled_up_by_sample_and_step_and_none_are_dropped_in_evaluation()
    {
        // Values that are one-hot in the key show the weights themselves: y[query, key] = the weight, dropped or divided by 1 - p.
        const int Steps = 8;
        using var device = new CpuDevice(1);
        float[] Run(float dropout, long step, int first)
        {
            using var probe = new LayerProbe(new ScaledDotAttention(new(1, Causal: false, dropout)), new Shape(Steps, 3 * Steps), device);
            var x = new float[2 * Steps * 3 * Steps];
            RandomFill.Normal(x, 3, 0f, 1f);
            for (var row = 0; row < 2 * Steps; row++)
                for (var c = 0; c < Steps; c++) x[(row * 3 + 2) * Steps + c] = row % Steps == c ? 1f : 0f;
            return probe.Run(probe.Network.Initialize(0), x, new float[2 * Steps * Steps], Segments.One(2), firstSample: first, step: step).Output;
        }
        var (whole, dropped) = (Run(0f, 1, 0), Run(0.25f, 1, 0));
        var zeros = 0;
        for (var i = 0; i < whole.Length; i++)
        {
            Assert.True(dropped[i] == 0 || Math.Abs(dropped[i] - whole[i] / 0.75f) < 1e-6f);
            if (dropped[i] == 0) zeros++;
        }
        Assert.InRange(zeros, 0.1 * whole.Length, 0.4 * whole.Length);
        Assert.Equal(dropped, Run(0.25f, 1, 0));
        Assert.NotEqual(dropped, Run(0.25f, 2, 0));
        // The mask is keyed by the sample's index: sample 1 alone draws what it drew beside sample 0.
        var shifted = Run(0.25f, 1, 1);
        Assert.Equal(Mask(dropped.AsSpan(Steps * Steps)), Mask(shifted.AsSpan(0, Steps * Steps)));

        static bool[] Mask(ReadOnlySpan<float> weights) => [.. weights.ToArray().Select(w => w == 0)];
    }

    [Theory]
    [InlineData("{multiHeadAttention: {heads: 2, causal: true, memory: [{linear: 4}]}}", "spec.multiHeadAttention.causal is true. It must be false with a memory: its places are not those of the queries.")]
    [InlineData("{multiHeadAttention: {heads: 2, padding: 0}}", "layer 0 (multiHeadAttention) is given [4, 8] for each sample. It takes keys that are the network's input tokens, one each, where padding is set; here there are 4 keys, and the network's input is [4, 8] of real values.")]
    [InlineData("{multiHeadAttention: {heads: 2, memory: [flatten]}}", "layer 0 (multiHeadAttention) is given [4, 8] for each sample. It takes what its memory brings to [steps, width]; here that gives [32].")]
    public void What_does_not_fit_is_said(string spec, string message)
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Read(typeof(Layer), Checks.LayerRow.Json(spec), "spec", problems);
        if (made is Layer layer) problems.Add(new Problem("", Assert.Throws<ShapeException>(() => new Network(new Sequential(layer), new Shape(4, 8))).Message));
        var problem = Assert.Single(problems);
        Assert.Equal(message, problem.Path.Length > 0 ? $"{problem.Path} {problem.Message}" : problem.Message);
    }

    // An image's rows ask what a branch has made of its columns: an encoder beside a decoder, in a job as a user writes it.
    [Theory]
    [InlineData("[{reshape: [28, 28]}, {linear: 12}, {multiHeadAttention: {heads: 3, memory: [{linear: 12}, tanh], dropout: 0.1}}, flatten, {linear: 10}]", "data.format={digits: {train: 192, test: 48}}")]
    [InlineData("[{reshape: [28, 28]}, {linear: 12}, {residual: {body: [{multiHeadAttention: {heads: 2, memory: [{linear: 9}, tanh]}}]}}, flatten, {linear: 10}]", "data.format={digits: {train: 192, test: 48}}")]
    [InlineData("[{embedding: {vocabulary: 5, width: 12}}, positions, {multiHeadAttention: {heads: 2, padding: 0, dropout: 0.05}}, {linear: 24}, gelu, {linear: 5}]", "text")]
    public async Task A_job_with_a_memory_or_padding_learns_and_its_bits_are_the_oracle_s(string model, string data)
    {
        // Words of four letters between spaces, the first token: what follows a letter is plain, the spaces are seen by no query.
        var file = Path.Combine(_folder, "words.txt");
        await File.WriteAllTextAsync(file, string.Concat(Enumerable.Range(0, 400).Select(i => i % 3 == 0 ? "abcd  " : "dcba ")));
        if (data == "text") data = "data.format={text: {length: 12}}";
        var plan = JobPlanner.Plan(JobFile.BuiltIn([.. ((string[])[data, .. data.Contains("text", StringComparison.Ordinal) ? [$"data.path={file}"] : (string[])[], $"model={model}", "training.epochs=30", "training.microBatches=4", "training.batchSize=32", "optimizer={adam: 0.01}"]).Select(SpecOverride.Parse)]));
        var trainer = new LocalTrainer(plan.Job);
        var oracle = trainer.Run();
        var losses = Enumerable.Range(0, trainer.Log.Count).Select(i => trainer.Log[i]).Where(r => r.Kind == LossRecordKind.Applied).Select(r => r.Loss).ToList();
        Assert.True(losses.TakeLast(6).Average() < 0.5 * losses[0], $"the loss goes from {losses[0]:g4} to {losses.TakeLast(6).Average():g4}");
        using var cluster = new EmbeddedCluster(plan.Job, plan.Options with { Workers = 3, Shards = 3, ComputeThreads = 1, CheckpointFolder = "" });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    private static Layer Layer(JsonNode? spec)
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Read(typeof(Layer), spec!.DeepClone(), "spec", problems);
        Assert.True(made is not null, string.Join("\n", problems));
        return (Layer)made;
    }
}
