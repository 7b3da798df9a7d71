using System.Reflection;
using System.Text.Json.Nodes;

namespace DistTrain.Learning;

/// <summary>Every [Named] class of some assemblies by kind (its abstract base class) and name. Immutable; duplicates fail when it is made.</summary>
public sealed class Catalog
{
    private static readonly Lazy<Catalog> _builtIn = new(() => new Catalog());

    private readonly Dictionary<Type, SortedDictionary<string, ComponentInfo>> _kinds = [];

    /// <param name="plugins">Assemblies beside this one that hold components.</param>
    /// <exception cref="InvalidOperationException">Two classes of one kind share a name, or a [Named] class has no abstract base or no fitting constructor.</exception>
    public Catalog(params IEnumerable<Assembly> plugins)
    {
        foreach (var type in plugins.Prepend(typeof(Catalog).Assembly).Distinct().SelectMany(a => a.GetTypes()))
        {
            if (type.GetCustomAttribute<NamedAttribute>(inherit: false) is not { } named) continue;
            var kind = KindOf(type);
            if (!_kinds.TryGetValue(kind, out var names)) _kinds[kind] = names = new(StringComparer.Ordinal);
            if (!names.TryAdd(named.Name, new ComponentInfo(type, kind, named.Name)))
                throw new InvalidOperationException($"{names[named.Name].Type} and {type} are both {KindName(kind)} \"{named.Name}\"; names of one kind must differ.");
        }
    }

    /// <summary>The components of DistTrain.Learning.</summary>
    public static Catalog BuiltIn => _builtIn.Value;

    /// <summary>All kinds that have components.</summary>
    public IEnumerable<Type> Kinds => _kinds.Keys.OrderBy(k => k.Name, StringComparer.Ordinal);

    /// <summary>The components of a kind, by name.</summary>
    public IReadOnlyCollection<ComponentInfo> All<T>() where T : class => All(typeof(T));

    public IReadOnlyCollection<ComponentInfo> All(Type kind) => _kinds.TryGetValue(kind, out var names) ? names.Values : [];

    /// <summary>The component of that name, or null.</summary>
    public ComponentInfo? Find<T>(string name) where T : class => Find(typeof(T), name);

    public ComponentInfo? Find(Type kind, string name) => _kinds.TryGetValue(kind, out var names) && names.TryGetValue(name, out var found) ? found : null;

    /// <summary>A component by name with its options bound and checked.</summary>
    /// <param name="name">As in [Named].</param>
    /// <param name="options">Named options; or under the key "" one value for the first option; null = all defaults.</param>
    /// <param name="path">Where the component stands in the spec: <c>spec.optimizer</c>.</param>
    /// <param name="problems">Everything that is wrong is added here.</param>
    /// <returns>null when something is wrong.</returns>
    public T? Create<T>(string name, JsonObject? options, string path, ICollection<Problem> problems) where T : class =>
        (T?)Create(typeof(T), name, options, path, problems);

    public object? Create(Type kind, string name, JsonObject? options, string path, ICollection<Problem> problems)
    {
        if (Find(kind, name) is { } component) return new OptionBinder(this, problems).Create(component, options, $"{path}.{name}");
        problems.Add(Unknown(kind, name, path));
        return null;
    }

    /// <summary>A component written in JSON: <c>"relu"</c>, <c>{"linear": 10}</c>, <c>{"conv2d": {"out": 6, "kernel": 5}}</c>.</summary>
    public object? Read(Type kind, JsonNode? json, string path, ICollection<Problem> problems)
    {
        if (json is JsonValue text && text.TryGetValue(out string? name)) return Create(kind, name, null, path, problems);
        if (json is JsonObject { Count: 1 } one)
        {
            var (key, value) = one.First();
            return Create(kind, key, value as JsonObject ?? (value is null ? null : new JsonObject { [""] = value.DeepClone() }), path, problems);
        }
        problems.Add(new Problem(path, $"is {OptionBinder.Show(json)}. It must be the name of one {KindName(kind)}, or one name with its options."));
        return null;
    }

    /// <summary>What to say about a name that is not there.</summary>
    public Problem Unknown(Type kind, string name, string path)
    {
        var known = All(kind).Select(c => c.Name).ToList();
        return new Problem(path, $"is {name}. It must be one of {string.Join(", ", known)}.{NearestName.Suggest(name, known)}");
    }

    /// <summary>The kind in words: <c>optimizer</c>, <c>datasetFormat</c>.</summary>
    public static string KindName(Type kind) => OptionInfo.CamelCase(kind.Name);

    internal bool IsKind(Type type) => _kinds.ContainsKey(type);

    private static Type KindOf(Type type)
    {
        var kind = type;
        while (kind.BaseType is { } above && above != typeof(object)) kind = above;
        return kind != type && kind.IsAbstract && !type.IsAbstract ? kind
            : throw new InvalidOperationException($"{type} is [Named] but is not a concrete class under an abstract base; its base class is its kind.");
    }
}
