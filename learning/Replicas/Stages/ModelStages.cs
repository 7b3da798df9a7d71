using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>One stage of a pipeline: consecutive nodes of the model.</summary>
/// <param name="Offset">First element of the flat vector that is its own; Length elements follow, padding included.</param>
/// <param name="Parameters">Trainable elements.</param>
/// <param name="MultiplyAdds">Of one sample's forward run in training: heads that only training has count too.</param>
/// <param name="Layers">Those that learn, by path and kind.</param>
/// <param name="Activations">Elements of one sample that it gives to the next stage; 0 for the last.</param>
/// <param name="EvaluationActivations">The same in an evaluation: layers that only training has may move the cut.</param>
public sealed record ModelStage(int Offset, int Length, long Parameters, long MultiplyAdds, IReadOnlyList<string> Layers, int Activations, int EvaluationActivations);

/// <summary>A model cut in sequence into stages of like cost. The same model and count give the same cut everywhere; it changes no bit of a result.</summary>
public sealed class ModelStages
{
    private readonly Network _network;
    private readonly Loss _loss;
    private readonly Dataset _train;

    private ModelStages(Network network, Loss loss, Dataset train, IReadOnlyList<ModelStage> stages) =>
        (_network, _loss, _train, Stages) = (network, loss, train, stages);

    public IReadOnlyList<ModelStage> Stages { get; }

    /// <summary>The most stages that the model can be cut into: every stage has parameters, and one tensor alone goes from it to the next.</summary>
    public static int Most(Network network, Loss loss, Dataset train)
    {
        using var device = new CpuDevice(1);
        return new TapeCuts(Record(network, loss, device, train, TapeMode.Training)).Boundaries().Count + 1;
    }

    /// <summary>The cut whose costliest stage is cheapest. Cost: multiply-adds, and one for each element written.</summary>
    /// <param name="train">Whose targets the loss takes.</param>
    /// <exception cref="ArgumentException">More stages than <see cref="Most"/>.</exception>
    public static ModelStages Cut(Network network, Loss loss, Dataset train, int stages)
    {
        using var device = new CpuDevice(1);
        var tape = Record(network, loss, device, train, TapeMode.Training);
        var (cuts, evaluationCuts) = (new TapeCuts(tape), new TapeCuts(Record(network, loss, device, train, TapeMode.Evaluation)));
        var boundaries = cuts.Boundaries();
        if (stages < 1 || stages > boundaries.Count + 1)
            throw new ArgumentException($"stages is {stages}. It must be between 1 and {boundaries.Count + 1}: this model cannot be cut in more places.", nameof(stages));
        var (length, costs) = (network.Layout.Length, new NodeCosts(network, tape));
        int[] offsets = [0, .. boundaries, length];
        var chosen = StageBalance.Cut([.. offsets.Zip(offsets.Skip(1), (from, to) => costs.Between(cuts.At(from, length).Node, cuts.At(to, length).Node).Cost)], stages);
        var made = new List<ModelStage>();
        for (var s = 0; s < stages; s++)
        {
            var (from, to) = (offsets[chosen[s]], offsets[chosen[s + 1]]);
            var (first, end) = (cuts.At(from, length), cuts.At(to, length));
            var (_, multiplyAdds, layers) = costs.Between(first.Node, end.Node);
            var parameters = network.Layout.Slices.Where(p => p.Kind == SliceKind.Parameter && p.Offset >= from && p.Offset < to).Sum(p => (long)p.Length);
            made.Add(new ModelStage(from, to - from, parameters, multiplyAdds, layers, end.Crossing?.Shape.Length ?? 0, evaluationCuts.At(to, length).Crossing?.Shape.Length ?? 0));
        }
        return new ModelStages(network, loss, train, made);
    }

    /// <summary>Stages [<paramref name="first"/>, <paramref name="first"/> + <paramref name="count"/>) as one, on a device.</summary>
    public StageReplica MakeReplica(Device device, int first, int count)
    {
        var (from, last) = (Stages[first], Stages[first + count - 1]);
        return new StageReplica(_network, _loss, device, _train, from.Offset, last.Offset + last.Length);
    }

    private static Tape Record(Network network, Loss loss, Device device, Dataset train, TapeMode mode)
    {
        var tape = new Tape(device, mode, network.Input, train.TargetShape) { Objective = (loss, train.TargetKind) };
        tape.Add(loss.Record(tape, network.Record(tape), train.TargetKind));
        return tape;
    }
}

/// <summary>What runs of nodes cost, and the layers whose parameters they use.</summary>
internal sealed class NodeCosts
{
    private readonly (long Cost, long MultiplyAdds, string? Layer)[] _nodes;

    public NodeCosts(Network network, Tape tape)
    {
        var layers = new Dictionary<string, LayerSummary>(StringComparer.Ordinal);
        foreach (var layer in network.Layers) layers.TryAdd(layer.Path, layer);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        _nodes = new (long, long, string?)[tape.Nodes.Count];
        for (var i = 0; i < _nodes.Length; i++)
        {
            var node = tape.Nodes[i];
            (_nodes[i].Cost, _nodes[i].MultiplyAdds) = (node.Output.Shape.Length + node.MultiplyAdds, node.MultiplyAdds);
            foreach (var parameter in node.Parameters)
            {
                // A parameter is named after its layer: features.3.weight. A layer of several nodes is named with its first.
                var path = parameter.Name[..Math.Max(0, parameter.Name.LastIndexOf('.'))];
                if (seen.Add(path) && layers.TryGetValue(path, out var layer)) _nodes[i].Layer = $"{layer.Path} {layer.Kind}";
            }
        }
    }

    public (long Cost, long MultiplyAdds, IReadOnlyList<string> Layers) Between(int first, int end)
    {
        var nodes = _nodes[first..end];
        return (nodes.Sum(static n => n.Cost), nodes.Sum(static n => n.MultiplyAdds), [.. nodes.Where(static n => n.Layer is not null).Select(static n => n.Layer!)]);
    }
}

/// <summary>Consecutive pieces in groups, so that the costliest group is as cheap as can be; of equal cuts the earliest.</summary>
internal static class StageBalance
{
    /// <returns>Where each group begins, and the end: groups + 1 indexes into <paramref name="costs"/>.</returns>
    public static int[] Cut(IReadOnlyList<long> costs, int groups)
    {
        var sums = new long[costs.Count + 1];
        for (var i = 0; i < costs.Count; i++) sums[i + 1] = sums[i] + costs[i];
        // worst[g, end]: the costliest of g groups that hold the first end pieces.
        var (worst, from) = (new long[groups + 1, costs.Count + 1], new int[groups + 1, costs.Count + 1]);
        for (var g = 0; g <= groups; g++)
            for (var end = 0; end <= costs.Count; end++) worst[g, end] = g == 0 && end == 0 ? 0 : long.MaxValue;
        for (var g = 1; g <= groups; g++)
            for (var end = g; end <= costs.Count; end++)
                for (var start = g - 1; start < end; start++)
                {
                    if (worst[g - 1, start] == long.MaxValue) continue;
                    var cost = Math.Max(worst[g - 1, start], sums[end] - sums[start]);
                    if (cost < worst[g, end]) (worst[g, end], from[g, end]) = (cost, start);
                }
        var cuts = new int[groups + 1];
        cuts[groups] = costs.Count;
        for (var g = groups; g > 0; g--) cuts[g - 1] = from[g, cuts[g]];
        return cuts;
    }
}
