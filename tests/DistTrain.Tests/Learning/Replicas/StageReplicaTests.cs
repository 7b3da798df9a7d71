using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.Training;

namespace DistTrain.Tests.Learning;

/// <summary>A model cut into stages computes the bits of the whole model, with several units on their way at once.</summary>
public sealed class StageReplicaTests
{
    private static readonly SyntheticImages _data = new(60, 1);
    private static readonly Tokens _tokens = new();
    private static readonly CrossEntropy _loss = new(new());

    public static TheoryData<string> Models => ["mlp", "convnet", "twice", "residual", "gpt"];

    private static Network Model(string name) => new(name switch
    {
        "mlp" => new Sequential(new Flatten(), new Linear(new(24)), new Relu(), new Linear(new(20)), new Tanh(), new Linear(new(4))),
        "convnet" => new Sequential(new Conv2d(new(6, new Pair(3, 3)) { Padding = new Pair(1, 1) }), new BatchNorm(new()), new Relu(), new MaxPool2d(new(new Pair(2, 2))),
            new Dropout(new(0.25f)), new Conv2d(new(4, new Pair(3, 3))), new BatchNorm(new()), new Flatten(), new Dropout(new(0.25f)), new Linear(new(4))),
        "twice" => new Twice(),
        "residual" => new Sequential(new Conv2d(new(4, new Pair(3, 3)) { Padding = new Pair(1, 1) }),
            new Residual(new() { Body = [new Conv2d(new(4, new Pair(3, 3)) { Padding = new Pair(1, 1) }), new BatchNorm(new()), new Relu(), new Conv2d(new(4, new Pair(3, 3)) { Padding = new Pair(1, 1) })], Relu = true }),
            new Residual(new() { Body = [new Conv2d(new(8, new Pair(1, 1)))], Shortcut = [new Conv2d(new(8, new Pair(1, 1)))] }), new GlobalAveragePool(), new Linear(new(4))),
        _ => new Gpt(new(Layers: 2, Heads: 2, Width: 8) { Dropout = 0.1f }).Build(_tokens.InputShape, Tokens.Words),
    }, DataOf(name).InputShape);

    private static Dataset DataOf(string model) => model == "gpt" ? _tokens : _data;

    /// <summary>Six words of eleven each, and the word after each.</summary>
    private sealed class Tokens : Dataset
    {
        public const int Words = 11;

        public override int Count => 60;

        public override Shape InputShape { get; } = new(6);

        public override int Vocabulary => Words;

        public override Shape TargetShape { get; } = new(6);

        public override TargetKind TargetKind => TargetKind.Labels;

        public override int Classes => Words;

        public override DatasetIdentity Identity => new("words", 0, new string('0', 64));

        public override void Read(int index, Span<float> input, Span<int> target)
        {
            for (var i = 0; i < 6; i++) (input[i], target[i]) = (WordAt(index, i), WordAt(index, i + 1));
        }

        private static int WordAt(int index, int position) => (index * 7 + position * position * 3 + position) % Words;
    }

    /// <summary>A linear layer that is used twice, with a skip around it, between two others: no cut inside.</summary>
    private sealed class Twice : Layer
    {
        private readonly Layer _first = new Sequential(new Flatten(), new Linear(new(12)));
        private readonly Linear _shared = new(new(12));
        private readonly Linear _last = new(new(4));

        public override Shape Build(LayerBuilder build, Shape input) =>
            build.Child("last", _last, build.Child("shared", _shared, build.Child("first", _first, input)));

        public override Tensor Forward(Tape tape, Tensor x)
        {
            var y = _first.Forward(tape, x);
            return _last.Forward(tape, _shared.Forward(tape, _shared.Forward(tape, y)));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Stages_give_the_whole_models_gradient(string model)
    {
        var network = Model(model);
        using var device = new CpuDevice(1);
        using var weights = device.Allocate(network.Layout.Length);
        weights.Write(0, network.Initialize(3));
        var data = DataOf(model);
        using var whole = new Replica(network, _loss, device, data);
        var most = ModelStages.Most(network, _loss, data);
        // Nothing is cut within a residual block; the gpt has words, positions, two blocks of two branches, norm, output.
        Assert.Equal(model switch { "convnet" => 5, "residual" => 4, "gpt" => 8, _ => 3 }, most);
        for (var count = 1; count <= most; count++)
        {
            var stages = ModelStages.Cut(network, _loss, data, count);
            Assert.Equal(network.Layout.Length, stages.Stages.Sum(s => s.Length));
            Assert.Equal(network.Layout.ParameterCount, stages.Stages.Sum(s => s.Parameters));
            var parts = Enumerable.Range(0, count).Select(s => stages.MakeReplica(device, s, 1)).ToList();
            Compare(network, data, whole, parts, stages.Stages, weights.View, device);
            parts.ForEach(p => p.Dispose());
        }
    }

    private static void Compare(Network network, Dataset data, Replica whole, List<StageReplica> parts, IReadOnlyList<ModelStage> stages, View weights, CpuDevice device)
    {
        // Three units of different sizes; all go forward before any comes back.
        int[][] units = [[0, 3, 7, 9], [0, 5], [0, 4, 8]];
        var running = new List<(DeviceBuffer Gradient, float[][] Activations, StageUnit[] Units, int First, Segments Segments)>();
        var at = 0;
        foreach (var starts in units)
        {
            var segments = new Segments(starts);
            var indexes = Enumerable.Range(at, segments.Samples).ToArray();
            var gradient = device.Allocate(network.Layout.Length);
            gradient.View.AsSpan().Fill(float.NaN);
            var (activations, kept) = (new float[parts.Count + 1][], new StageUnit[parts.Count]);
            activations[0] = [];
            for (var s = 0; s < parts.Count; s++)
            {
                Assert.Equal(parts[s].Entering * segments.Samples, activations[s].Length);
                activations[s + 1] = new float[parts[s].Leaving * segments.Samples];
                kept[s] = parts[s].Forward(new Pass(9, 4, 40, segments, indexes), weights.Part(parts[s].Offset, parts[s].Length), gradient.View.Part(parts[s].Offset, parts[s].Length), activations[s], activations[s + 1]);
            }
            running.Add((gradient, activations, kept, at, segments));
            at += segments.Samples;
        }
        foreach (var (gradient, activations, kept, first, segments) in running)
        {
            float[] back = [];
            for (var s = parts.Count - 1; s >= 0; s--)
            {
                var before = new float[activations[s].Length];
                parts[s].Backward(kept[s], back, before);
                back = before;
            }
            using var expected = device.Allocate(network.Layout.Length);
            whole.Gradient(new Pass(9, 4, 40, segments, Enumerable.Range(first, segments.Samples).ToArray()), weights, expected.View);
            Assert.True(expected.View.AsSpan().SequenceEqual(gradient.View.AsSpan()), $"{parts.Count} stages, {segments.Count} micro-batches: other bits");
            gradient.Dispose();
        }
        int[] tested = [1, 2, 30, 31, 32];
        float[] entering = [];
        var sum = default(EvaluationSum);
        for (var s = 0; s < parts.Count; s++)
        {
            var part = parts[s];
            var leaving = new float[stages[s].EvaluationActivations * tested.Length];
            sum = part.Evaluate(data, tested, weights.Part(part.Offset, part.Length), entering, leaving);
            entering = leaving;
        }
        Assert.Equal(whole.Evaluate(data, tested, weights), sum);
    }

    [Fact]
    public void Stages_are_cut_by_cost()
    {
        // 64 x 200, 200 x 10, 10 x 200, 200 x 10, 10 x 4 multiply-adds: the first product is the first stage.
        var network = new Network(new Sequential(new Flatten(), new Linear(new(200)), new Linear(new(10)), new Linear(new(200)), new Linear(new(10)), new Linear(new(4))), _data.InputShape);
        var two = ModelStages.Cut(network, _loss, _data, 2).Stages;
        Assert.Equal((12_800L, 13_000L), (two[0].MultiplyAdds, two[0].Parameters));
        Assert.Equal(["1 linear"], two[0].Layers);
        Assert.Equal(200, two[0].Activations);
        Assert.Equal((6_040L, 0), (two[1].MultiplyAdds, two[1].Activations));
        var thin = new Network(new Sequential(new DepthwiseConv2d(new(new Pair(3, 3))), new PointwiseConv2d(new(4)), new Flatten(), new DropConnect(new(4)), new Linear(new(4))), _data.InputShape);
        Assert.Equal(thin.MultiplyAdds, ModelStages.Cut(thin, _loss, _data, 2).Stages.Sum(s => s.MultiplyAdds));
        Assert.StartsWith("stages is 6. It must be between 1 and 5", Assert.Throws<ArgumentException>(() => ModelStages.Cut(network, _loss, _data, 6)).Message);
    }

    [Fact]
    public void Shards_lie_in_one_stage_each()
    {
        var network = Model("mlp");
        var stages = ModelStages.Cut(network, _loss, _data, 3).Stages;
        for (var shards = 3; shards <= network.Layout.MostShards; shards++)
        {
            var ranges = network.Layout.Split(shards, [.. stages.Select(s => s.Offset)], out var counts);
            Assert.Equal(shards, counts.Sum());
            Assert.Equal(network.Layout.Length, ranges.Sum(r => r.Length));
            for (var (stage, shard) = (0, 0); stage < 3; stage++)
                for (var i = 0; i < counts[stage]; i++, shard++)
                    Assert.True(ranges[shard].Offset >= stages[stage].Offset && ranges[shard].Offset + ranges[shard].Length <= stages[stage].Offset + stages[stage].Length && ranges[shard].BlockCount > 0);
        }
    }
}
