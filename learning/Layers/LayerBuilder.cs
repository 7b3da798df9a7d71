using System.Reflection;

namespace DistTrain.Learning;

/// <summary>What a layer is given to declare itself: its path, its parameters, its inner layers.</summary>
public sealed class LayerBuilder
{
    private readonly List<Parameter> _parameters;
    private readonly List<LayerSummary> _summaries;
    private readonly string _kind;
    private readonly SideLosses _sides;
    private string _prefix = "";

    internal LayerBuilder(string path, string kind, List<Parameter> parameters, List<LayerSummary> summaries, int lanes = 0, SideLosses? sides = null, Shape source = default, int vocabulary = 0) =>
        (Path, _kind, _parameters, _summaries, Lanes, _sides, Source, SourceVocabulary) = (path, kind, parameters, summaries, lanes, sides ?? new SideLosses(), source, vocabulary);

    /// <summary>Samples of a step that each go on where the same sample of the step before ended; 0: samples have nothing to do with each other.</summary>
    public int Lanes { get; }

    /// <summary>One sample's input of the whole network, and below what its tokens are; 0: they are real values.</summary>
    public Shape Source { get; }

    public int SourceVocabulary { get; }

    /// <summary>Dotted place in the network: <c>features.0</c>; empty for the network itself.</summary>
    public string Path { get; }

    /// <summary>A trainable tensor.</summary>
    /// <param name="name">As in PyTorch: weight, bias.</param>
    /// <param name="initializer">Where its first values come from.</param>
    /// <param name="fan">null = from the shape.</param>
    /// <exception cref="ShapeException">The initializer cannot draw such a tensor.</exception>
    public Parameter Parameter(string name, Shape shape, Initializer initializer, Fan? fan = null) =>
        initializer.Misfit(shape, fan ?? Fan.Of(shape)) is { } misfit ? throw new ShapeException($"parameter {Join(name)} {misfit}")
        : Add(new Parameter(Join(name), shape, SliceKind.Parameter, initializer, fan ?? Fan.Of(shape)));

    /// <summary>Running statistics of <paramref name="channels"/> channels, [C, 3]: not trained, moved once at each step's commit.</summary>
    /// <param name="momentum">Weight of the step's statistics.</param>
    /// <param name="frozen">They stay as they are.</param>
    public Parameter Moments(string name, int channels, float momentum = MomentsUpdate.Momentum, bool frozen = false) =>
        Add(new Parameter(Join(name), new Shape(channels, 3), SliceKind.Moments, null, default) { Momentum = momentum, IsFrozen = frozen });

    /// <summary>What each of the <see cref="Lanes"/> hands on from step to step, [lanes, ...]: zero at first, replaced at each step's commit.</summary>
    public Parameter Carried(string name, params ReadOnlySpan<int> axes) =>
        Add(new Parameter(Join(name), new Shape([Lanes, .. axes]), SliceKind.Carried, null, default));

    /// <summary>Says that this layer adds a term of its own to what training lowers: it goes in where <see cref="Frame.CountsSides"/>.</summary>
    public void Penalizes() => _sides.Penalties.Add(Place);

    /// <summary>Says that outputs of this layer are compared with the targets, by the main loss.</summary>
    public void Head(Shape output) => _sides.Heads.Add((Place, output));

    /// <summary>Builds an inner layer; its parameters are named under <paramref name="name"/>.</summary>
    public Shape Child(string name, Layer layer, Shape input)
    {
        var kind = layer.GetType().GetCustomAttribute<NamedAttribute>()?.Name ?? layer.GetType().Name;
        var (at, before) = (_summaries.Count, _parameters.Count);
        var inner = new LayerBuilder(Join(name), kind, _parameters, _summaries, Lanes, _sides, Source, SourceVocabulary);
        var output = layer.Build(inner, input);
        long count = _parameters.Skip(before).Where(p => p.Kind == SliceKind.Parameter).Sum(p => (long)p.Shape.Length);
        _summaries.Insert(at, new LayerSummary(inner.Path, kind, input, output, count));
        return output;
    }

    /// <summary>The same place with names that begin with <paramref name="prefix"/>: in_proj_weight, where an inner layer declares weight.</summary>
    public LayerBuilder Renamed(string prefix) => new(Path, _kind, _parameters, _summaries, Lanes, _sides, Source, SourceVocabulary) { _prefix = prefix };

    /// <summary>What to throw when the input does not fit.</summary>
    /// <param name="wanted">What the layer takes: <c>[channels, height, width]</c>.</param>
    public ShapeException Misfit(Shape input, string wanted) => new(
        $"{Place} is given {input} for each sample. It takes {wanted}.");

    private string Place => $"layer {(Path.Length > 0 ? Path : "0")} ({_kind})";

    private Parameter Add(Parameter parameter)
    {
        if (_parameters.Exists(p => p.Name == parameter.Name)) throw new InvalidOperationException($"two parameters are named {parameter.Name}; names must differ.");
        _parameters.Add(parameter);
        return parameter;
    }

    private string Join(string name) => Path.Length > 0 ? $"{Path}.{_prefix}{name}" : _prefix + name;
}

/// <summary>One line of a network's summary.</summary>
/// <param name="Path">Dotted place.</param>
/// <param name="Kind">The layer's name in a spec.</param>
/// <param name="Input">One sample's input.</param>
/// <param name="Output">One sample's output.</param>
/// <param name="Parameters">Trainable elements, inner layers included.</param>
public sealed record LayerSummary(string Path, string Kind, Shape Input, Shape Output, long Parameters)
{
    /// <summary>Of one sample's forward run in prediction, without those of inner layers that are listed themselves: all layers' sum is the network's.</summary>
    public long MultiplyAdds { get; init; }
}

/// <summary>A shape that a layer, loss or data set cannot take; the text names the layer and both shapes.</summary>
public sealed class ShapeException(string message) : Exception(message);
