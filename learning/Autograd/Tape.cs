using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What a replica runs a tape for.</summary>
public enum TapeMode
{
    /// <summary>Batch statistics, dropout, loss, backward.</summary>
    Training,

    /// <summary>Running statistics, no dropout, loss.</summary>
    Evaluation,

    /// <summary>As Evaluation, without a loss.</summary>
    Prediction,

    /// <summary>The forms of Evaluation, with gradients: for looking at what an output depends on.</summary>
    Attribution,
}

/// <summary>
/// The nodes of a network in the order in which its layers ran, recorded once and replayed for every batch: forward in tape order, backward in
/// reverse. Shapes are one sample's, so one recording serves every lease; only the memory plan depends on the batch.
/// </summary>
public sealed class Tape
{
    private readonly List<Node> _nodes = [];
    private readonly List<Region> _regions = [];
    private readonly Dictionary<string, int> _uses = new(StringComparer.Ordinal);

    /// <param name="input">One sample's input.</param>
    /// <param name="target">One sample's target; null in prediction.</param>
    /// <param name="inputNeedsGradient">Also differentiate by the input.</param>
    public Tape(Device device, TapeMode mode, Shape input, Shape? target = null, bool inputNeedsGradient = false)
    {
        (Device, Mode, TargetShape) = (device, mode, target);
        Input = new Tensor(input, null, inputNeedsGradient);
        Input.Value = NewRegion(Extent.Sample, input.Length);
        SampleIndexes = NewRegion(Extent.Sample, 1);
        if (target is { } shape) Target = NewRegion(Extent.Sample, shape.Length);
    }

    public Device Device { get; }

    public TapeMode Mode { get; }

    public bool IsTraining => Mode == TapeMode.Training;

    /// <summary>The loss that will end the tape, and what its targets are; null where none does.</summary>
    public (Loss Loss, TargetKind Targets)? Objective { get; init; }

    /// <summary>Whether it runs backward.</summary>
    internal bool Differentiates => Mode is TapeMode.Training or TapeMode.Attribution;

    /// <summary>The batch's samples.</summary>
    public Tensor Input { get; }

    /// <summary>One sample's target; null in prediction.</summary>
    public Shape? TargetShape { get; }

    internal IReadOnlyList<Node> Nodes => _nodes;

    internal IReadOnlyList<Region> Regions => _regions;

    internal Region SampleIndexes { get; }

    internal Region? Target { get; }

    /// <summary>The last node's output.</summary>
    internal Tensor? Output { get; private set; }

    /// <summary>Parameters that several nodes use, and those of nodes that run one micro-batch at a time because of them.</summary>
    internal IReadOnlyList<Parameter> SharedParameters { get; private set; } = [];

    /// <summary>Appends a node; its output can be read by the nodes that follow.</summary>
    public Tensor Add(Node node)
    {
        foreach (var edge in node.Edges) edge.Tensor.Root.Consumers.Add(edge);
        node.Output.Value = NewRegion(Extent.Sample, node.Output.Shape.Length);
        _nodes.Add(node);
        return node.Output;
    }

    /// <summary>What layers of sequences gave, by their places in the network, for who looks at a network from outside.</summary>
    internal List<(string Path, Layer Layer, Tensor Output)> Marks { get; } = [];

    /// <summary>0 the first time that the layer at <paramref name="path"/> draws random numbers on this tape, then 1, 2, ...</summary>
    public int NextUse(string path) => _uses[path] = _uses.GetValueOrDefault(path, -1) + 1;

    internal Region NewRegion(Extent extent, int elements)
    {
        var region = new Region(_regions.Count, extent, elements);
        _regions.Add(region);
        return region;
    }

    /// <summary>The nodes that are run: all, or one part of the tape (<see cref="FinishPart"/>).</summary>
    internal (int First, int End) Run { get; private set; }

    /// <summary>What comes in: the samples, or what the nodes before the part give.</summary>
    internal Tensor Entering { get; private set; } = null!;

    /// <summary>What the nodes after the part are given; null where it goes to the end.</summary>
    internal Tensor? Leaving { get; private set; }

    /// <summary>After the last node: which gradients are computed, and when each region is alive.</summary>
    internal void Finish(Tensor output)
    {
        Settle(output);
        (Run, Entering) = ((0, _nodes.Count), Input);
        Lifetimes();
    }

    /// <summary>The same, but only nodes [<paramref name="first"/>, <paramref name="end"/>) will be run here; both are cuts (<see cref="TapeCuts"/>).</summary>
    internal void FinishPart(Tensor output, TapeCut first, TapeCut end)
    {
        Settle(output);
        (Run, Entering, Leaving) = ((first.Node, end.Node), first.Crossing ?? Input, end.Crossing);
        SharedParameters = [.. SharedParameters.Where(p => _nodes[Run.First..Run.End].Exists(n => n.Parameters.Contains(p)))];
        Lifetimes();
    }

    private void Settle(Tensor output)
    {
        Output = output;
        if (Differentiates)
        {
            MarkBackward();
            FindShared();
        }
        ShareMemory();
    }

    // A tensor's gradient exists where it needs one and some consumer that runs backward gives it. The loss, the last node, gives its gradient forward.
    private void MarkBackward()
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
        {
            var node = _nodes[i];
            node.RunsBackward = node is LossNode || (node.Output.NeedsGradient && node.Output.Gradient is not null);
            if (!node.RunsBackward) continue;
            foreach (var edge in node.Edges)
            {
                var root = edge.Tensor.Root;
                if (!root.NeedsGradient || (node is LossNode && edge != node.Edges[0])) continue;
                if (root.Gradient is null) root.Gradient = NewRegion(Extent.Sample, root.Shape.Length);
                else edge.Part = NewRegion(Extent.Sample, root.Shape.Length); // added to what later nodes gave
            }
        }
    }

    private void FindShared()
    {
        var uses = _nodes.SelectMany(n => n.Parameters).GroupBy(p => p).ToDictionary(g => g.Key, g => g.Count());
        var shared = uses.Where(u => u.Value > 1).Select(u => u.Key).ToHashSet();
        for (var grown = true; grown;)
        {
            grown = false;
            foreach (var node in _nodes.Where(n => !n.BySegment && n.Parameters.Any(shared.Contains)))
            {
                node.BySegment = grown = true;
                shared.UnionWith(node.Parameters);
            }
        }
        SharedParameters = [.. _nodes.SelectMany(n => n.Parameters).Where(shared.Contains).Distinct()];
    }

    private void ShareMemory()
    {
        for (var i = 0; i < _nodes.Count; i++)
        {
            var node = _nodes[i];
            if (!node.InPlace || node.BySegment) continue;
            var input = node.Edges[0].Tensor.Root;
            if (input.Producer is not { } producer || input.Consumers.Count > 1) continue;
            if (!Differentiates || (!node.ReadsInputs && !producer.ReadsOutput)) node.Output.Value = input.Value;
        }
        for (var i = _nodes.Count - 1; i >= 0; i--)
        {
            var node = _nodes[i];
            if (!node.InPlace) continue;
            var input = node.Edges[0].Tensor.Root;
            if (input.Consumers.Count == 1 && input.Gradient is not null && node.Output.Gradient is not null) input.Gradient = node.Output.Gradient;
        }
    }

    private void Lifetimes()
    {
        var end = 2 * _nodes.Count;
        Entering.Value!.Live(Run.First - 1);
        SampleIndexes.Live(Run.First - 1);
        SampleIndexes.Live(end - Run.First);
        if (Leaving is null)
        {
            Target?.Live(Run.First - 1);
            Target?.Live(_nodes.Count);
        }
        for (var i = Run.First; i < Run.End; i++)
        {
            var (node, back) = (_nodes[i], end - i);
            var forward = i;
            node.Output.Value!.Live(forward);
            foreach (var edge in node.Edges)
            {
                edge.Tensor.Root.Value!.Live(forward);
                if (!node.RunsBackward) continue;
                if (node.ReadsInputs && node is not LossNode) edge.Tensor.Root.Value!.Live(back);
                edge.Tensor.Root.Gradient?.Live(node is LossNode ? forward : back);
                edge.Part?.Live(back);
            }
            if (node.RunsBackward)
            {
                if (node.ReadsOutput) node.Output.Value!.Live(back);
                node.Output.Gradient?.Live(back);
            }
            foreach (var own in node.OwnMemory)
            {
                own.Region.Live(forward);
                if (Differentiates) own.Region.Live(back); // scratch too: one region serves both runs of the node
            }
        }
        if (Leaving is null) Output!.Root.Value!.Live(end);
        Leaving?.Value!.Live(Run.End);
        Leaving?.Gradient?.Live(end - Run.End);
        Entering.Gradient?.Live(end - Run.First + (Run.First > 0 ? 1 : 0));
    }
}
