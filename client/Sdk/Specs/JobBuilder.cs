using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Client;

/// <summary>
/// Makes a <see cref="JobSpec"/> in the order of a job file. Components are named as there: <c>.Optimizer("adam", ("lr", 2e-3))</c>. The server checks names
/// and numbers, all at once.
/// </summary>
public sealed class JobBuilder(string name)
{
    private JobSpec _spec = new() { Name = name };

    /// <summary>What reads the samples, from where.</summary>
    public JobBuilder Data(string format, string path = "", params (string Option, JsonNode? Value)[] options) => With(_spec with { Data = _spec.Data with { Format = Component(format, options), Path = path } });

    /// <summary>Whether inputs are standardized; they are unless told otherwise.</summary>
    public JobBuilder Standardize(bool standardize) => With(_spec with { Data = _spec.Data with { Standardize = standardize } });

    /// <summary>A whole model by name.</summary>
    public JobBuilder Model(string model, params (string Option, JsonNode? Value)[] options) => With(_spec with { Model = [Component(model, options)] });

    /// <summary>Layer by layer.</summary>
    public JobBuilder Model(Action<LayerList> layers)
    {
        var list = new LayerList();
        layers(list);
        return With(_spec with { Model = list.Layers });
    }

    public JobBuilder Loss(string loss, params (string Option, JsonNode? Value)[] options) => With(_spec with { Loss = Component(loss, options) });

    public JobBuilder Optimizer(string optimizer, params (string Option, JsonNode? Value)[] options) => With(_spec with { Optimizer = Component(optimizer, options) });

    public JobBuilder Schedule(string schedule, params (string Option, JsonNode? Value)[] options) => With(_spec with { Schedule = Component(schedule, options) });

    public JobBuilder Epochs(int epochs) => Training(t => t with { Epochs = epochs });

    public JobBuilder BatchSize(int samples) => Training(t => t with { BatchSize = samples });

    public JobBuilder Seed(ulong seed) => Training(t => t with { Seed = seed });

    public JobBuilder ClipNorm(double norm) => Training(t => t with { ClipNorm = norm });

    /// <summary>Everything else of the section.</summary>
    public JobBuilder Training(Func<TrainingSpec, TrainingSpec> change) => With(_spec with { Training = change(_spec.Training) });

    /// <param name="most">More may join up to so many; 0 = no bound.</param>
    public JobBuilder Workers(int workers, int most = 0) => Cluster(c => c with { Workers = workers, MaxWorkers = most });

    public JobBuilder Shards(int shards) => Cluster(c => c with { Shards = shards });

    public JobBuilder Cluster(Func<ClusterSpec, ClusterSpec> change) => With(_spec with { Cluster = change(_spec.Cluster) });

    public JobBuilder Checkpoints(Func<CheckpointSpec, CheckpointSpec> change) => With(_spec with { Checkpoint = change(_spec.Checkpoint) });

    public JobSpec Build() => _spec;

    public static implicit operator JobSpec(JobBuilder builder) => builder._spec;

    internal static ComponentSpec Component(string name, (string Option, JsonNode? Value)[] options) =>
        options.Length == 0 ? new ComponentSpec(name) : new ComponentSpec(name, new JsonObject(options.Select(o => KeyValuePair.Create(o.Option, o.Value?.DeepClone()))));

    private JobBuilder With(JobSpec spec)
    {
        _spec = spec;
        return this;
    }
}

/// <summary>Layers of a model in order.</summary>
public sealed class LayerList
{
    private readonly List<ComponentSpec> _layers = [];

    public IReadOnlyList<ComponentSpec> Layers => _layers;

    /// <summary>Any layer by name with its options.</summary>
    public LayerList Add(string layer, params (string Option, JsonNode? Value)[] options)
    {
        _layers.Add(JobBuilder.Component(layer, options));
        return this;
    }

    /// <summary>A layer with the value of its first option: <c>Add("linear", 10)</c>.</summary>
    public LayerList Add(string layer, JsonNode first)
    {
        _layers.Add(new ComponentSpec(layer, new JsonObject { [""] = first.DeepClone() }));
        return this;
    }
}
