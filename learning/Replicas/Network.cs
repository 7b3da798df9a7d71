using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>A built model: layers with their parameters' places in the flat vector. Immutable; replicas on any device share it.</summary>
public sealed class Network
{
    private readonly Layer _root;
    private readonly Lazy<(IReadOnlyList<LayerSummary> Layers, long Total)> _costs;
    private readonly List<LayerSummary> _summaries;

    /// <param name="root">Not built yet.</param>
    /// <param name="input">One sample's input.</param>
    /// <param name="lanes">Samples of a step where each goes on from the same one of the step before (adjacent sampling of text); 0 otherwise.</param>
    /// <param name="loss">What it is trained with; null: it is not. Side losses beside one whose gradient takes a factor have slices of their own.</param>
    /// <param name="frozen">Names that rules freeze: statistics among them stay, and their layers go by them.</param>
    /// <exception cref="ShapeException">A layer cannot take what it is given.</exception>
    public Network(Layer root, Shape input, int lanes = 0, Loss? loss = null, Func<string, bool>? frozen = null)
    {
        (_root, Input) = (root, input);
        var (parameters, summaries) = (new List<Parameter>(), new List<LayerSummary>());
        var sides = new SideLosses();
        Output = root.Build(new LayerBuilder("", "network", parameters, summaries, lanes, sides, input, root.Vocabulary), input);
        (Parameters, _summaries, Sides) = (parameters, summaries, sides);
        _costs = new(Costs);
        var apart = sides.Penalties.Count > 0 && loss is { Factor: not LossFactor.None };
        Layout = new ParameterLayout(parameters.SelectMany(p => apart && p.Kind == SliceKind.Parameter
            ? [(p.Name, p.Shape, p.Kind), ($"{p.Name}~side", p.Shape, SliceKind.Side)]
            : new[] { (p.Name, p.Shape, p.Kind) }), name => parameters.Find(p => p.Name == name)!.Momentum);
        foreach (var moments in parameters.Where(p => p.Kind == SliceKind.Moments)) moments.IsFrozen |= frozen?.Invoke(moments.Name) == true;
        foreach (var (parameter, slice) in parameters.Zip(Layout.Slices.Where(s => s.Kind != SliceKind.Side))) parameter.Slice = slice;
    }

    /// <summary>One sample's input.</summary>
    public Shape Input { get; }

    /// <summary>Tokens that input elements name; 0: the input is real values.</summary>
    public int Vocabulary => _root.Vocabulary;

    /// <summary>One sample's output.</summary>
    public Shape Output { get; }

    public ParameterLayout Layout { get; }

    /// <summary>In registration order, as the layout's slices.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Every layer, outer before inner.</summary>
    public IReadOnlyList<LayerSummary> Layers => _costs.Value.Layers;

    /// <summary>Multiply-adds of one sample's forward run in prediction: those of all nodes, and of all <see cref="Layers"/>.</summary>
    public long MultiplyAdds => _costs.Value.Total;

    /// <summary>What training lowers besides the main loss.</summary>
    public SideLosses Sides { get; }

    /// <summary>null, or why this network cannot be trained with that loss on such targets: the output's and every head's.</summary>
    public string? Misfit(Loss loss, Shape target, TargetKind kind, int classes) => loss.Misfit(Input, Output, target, kind, classes) ?? Sides.Misfit(loss, Input, target, kind, classes);

    /// <summary>The layers of the outermost sequence in the order in which they run; sequences in it are written out. A network that is no sequence has one entry.</summary>
    public IReadOnlyList<(string Path, Layer Layer, Shape Input, Shape Output)> Sequence
    {
        get
        {
            var (found, places) = (new List<(string, Layer, Shape, Shape)>(), _summaries.ToDictionary(l => l.Path));
            Add(_root, "");
            return found;

            void Add(Layer layer, string path)
            {
                if (layer is Flattened flattened) Add(flattened.Inner, path);
                else if (layer is Chain chain) Add(chain.Inner, path);
                else if (layer is Sequential sequence)
                    for (var i = 0; i < sequence.Layers.Count; i++) Add(sequence.Layers[i], path.Length == 0 ? $"{i}" : $"{path}.{i}");
                else found.Add(places.TryGetValue(path, out var place) ? (path, layer, place.Input, place.Output) : (path, layer, Input, Output));
            }
        }
    }

    /// <summary>Whether micro-batches should be larger: statistics of few samples are noisy.</summary>
    public bool HasBatchStatistics => Parameters.Any(p => p.Kind == SliceKind.Moments && !p.IsFrozen);

    /// <summary>The first weights: every parameter from its own stream, keyed by the seed and its name.</summary>
    public float[] Initialize(ulong seed)
    {
        var weights = new float[Layout.Length];
        Initialize(seed, weights);
        return weights;
    }

    /// <param name="weights">Layout.Length elements; overwritten.</param>
    public void Initialize(ulong seed, Span<float> weights)
    {
        if (weights.Length != Layout.Length) throw new ArgumentException($"weights has {weights.Length} elements. It must have {Layout.Length}.", nameof(weights));
        weights.Clear();
        foreach (var parameter in Parameters)
        {
            var values = weights.Slice(parameter.Slice.Offset, parameter.Slice.Length);
            if (parameter.Initializer is { } initializer) initializer.Fill(values, parameter.Fan, RandomKey.Of(seed, 0, RandomKey.HashPath(parameter.Name)));
            else if (parameter.Kind == SliceKind.Moments) MomentsUpdate.Reset(values);
        }
    }

    /// <summary>The whole network's nodes, from its evaluation mode.</summary>
    internal string ToOnnx(OnnxGraph graph, string x) => _root.ToOnnx(graph, x, Input);

    // Each node's multiply-adds, with the layer that it belongs to, or the one around that.
    private (IReadOnlyList<LayerSummary>, long) Costs()
    {
        using var device = new CpuDevice(1);
        var tape = new Tape(device, TapeMode.Prediction, Input);
        Record(tape);
        var (counts, total) = (_summaries.Select(l => l.Path).Distinct().ToDictionary(path => path, _ => 0L), 0L);
        foreach (var node in tape.Nodes.Where(n => n.MultiplyAdds > 0))
        {
            total += node.MultiplyAdds;
            var place = node.Place ?? throw new InvalidOperationException($"{node.GetType()} has multiply-adds and neither a parameter nor a place of its own.");
            while (place.Length > 0 && !counts.ContainsKey(place)) place = place[..Math.Max(0, place.LastIndexOf('.'))];
            if (place.Length > 0) counts[place] += node.MultiplyAdds;
        }
        return ([.. _summaries.Select(l => l with { MultiplyAdds = counts.Remove(l.Path, out var count) ? count : 0 })], total);
    }

    /// <summary>Records the network on a tape, up to its output.</summary>
    internal Tensor Record(Tape tape) => _root.Forward(tape, tape.Input);
}
