using System.Security.Cryptography;

namespace DistTrain.Learning;

/// <summary>A safetensors file of another program as the first weights of a network: checked against the network's tensors when it is opened, read when the weights are filled.</summary>
public sealed class ForeignWeights
{
    private const int MostNamed = 8;

    private readonly string _path;
    private readonly List<(Slice Slice, string[] Names)> _sources = [];

    private ForeignWeights(string path, string sha256) => (_path, Sha256) = (path, sha256);

    /// <summary>Of the file, lower-case hex.</summary>
    public string Sha256 { get; }

    /// <summary>Tensors of the network (PyTorch's names) that the file has not, where that is allowed.</summary>
    public IReadOnlyList<string> Missing { get; private set; } = [];

    /// <summary>Tensors of the file that the network has not, where that is allowed, and those that rules leave out.</summary>
    public IReadOnlyList<string> Unused { get; private set; } = [];

    /// <param name="rules">What the file's tensors are called in the network.</param>
    /// <param name="strict">Missing tensors, and ones left over, are problems.</param>
    /// <param name="problems">Everything that is wrong is added here.</param>
    /// <returns>null where something is wrong.</returns>
    public static ForeignWeights? Open(string path, ParameterLayout layout, IReadOnlyList<WeightRule> rules, bool strict, List<string> problems)
    {
        if (!File.Exists(path))
        {
            problems.Add($"is {path}, which does not exist (looked for {Path.GetFullPath(path)}). It must be a safetensors file.");
            return null;
        }
        try
        {
            return Match(path, layout, rules, strict, problems);
        }
        catch (SafetensorsException unreadable)
        {
            problems.Add($"cannot be read: {unreadable.Message} Export it again as safetensors (a PyTorch .pt or .bin file is none).");
            return null;
        }
    }

    /// <summary>Puts the file's tensors in their places; the rest stays.</summary>
    /// <exception cref="InvalidDataException">The file is another than the one that was opened.</exception>
    public void Fill(Span<float> weights)
    {
        if (Hash(_path) != Sha256) throw new InvalidDataException($"{_path} has changed since the job was planned. Start the job again, or put the old file back.");
        using var file = SafetensorsFile.Open(_path);
        foreach (var (slice, names) in _sources)
        {
            var values = weights.Slice(slice.Offset, slice.Length);
            if (slice.Kind == SliceKind.Parameter) file.ReadFloats(file.Header.Find(names[0])!, values);
            else StateDict.ReadMoments(file, file.Header.Find(names[0])!, file.Header.Find(names[1])!, names[2].Length > 0 ? file.Header.Find(names[2]) : null, values);
        }
    }

    private static ForeignWeights? Match(string path, ParameterLayout layout, IReadOnlyList<WeightRule> rules, bool strict, List<string> problems)
    {
        using var file = SafetensorsFile.Open(path);
        var (found, unused, clashes, known) = (new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal), new List<string>(), new List<string>(), layout.Slices.SelectMany(StateDict.Names).ToHashSet(StringComparer.Ordinal));
        var left = new List<string>();
        foreach (var entry in file.Header.Entries)
        {
            var rule = rules.FirstOrDefault(r => r.Fits(entry.Name) is not null);
            var name = rule is null ? entry.Name : rule.NameOf(rule.Fits(entry.Name)!);
            if (name is null) left.Add(entry.Name);
            else if (!known.Contains(name)) unused.Add(rule is null ? entry.Name : $"{entry.Name} (called {name} by the map)");
            else if (!found.TryAdd(name, entry)) clashes.Add($"{entry.Name} and {found[name].Name} (both {name})");
        }
        var (weights, missing, misshapen) = (new ForeignWeights(path, Hash(path)), new List<string>(), new List<string>());
        foreach (var slice in layout.Slices.Where(s => s.Kind is SliceKind.Parameter or SliceKind.Moments))
        {
            var names = StateDict.Names(slice).ToArray();
            // num_batches_tracked may be absent: older files have none.
            var lacking = names.Take(slice.Kind == SliceKind.Parameter ? 1 : 2).Where(n => !found.ContainsKey(n)).ToList();
            missing.AddRange(lacking);
            if (lacking.Count > 0) continue;
            long[] shape = slice.Kind == SliceKind.Parameter ? [.. slice.Shape.Axes.ToArray().Select(a => (long)a)] : [slice.Shape[0]];
            misshapen.AddRange(names.Take(2).Where(n => found.TryGetValue(n, out var entry) && !entry.Shape.SequenceEqual(shape)).Select(n => $"{n} is [{string.Join(", ", found[n].Shape)}] and the model's [{string.Join(", ", shape)}]"));
            weights._sources.Add((slice, [.. names.Select(n => found.TryGetValue(n, out var entry) ? entry.Name : "")]));
        }
        if (misshapen.Count > 0) problems.Add($"has tensors of other shapes: {Some(misshapen)}. Leave them out (init.map: [{{skip: \"NAME\"}}] with strict: false), or let the model have their sizes.");
        if (clashes.Count > 0) problems.Add($"has two tensors for one of the model: {Some(clashes)}. Change init.map.");
        if (strict && missing.Count > 0) problems.Add($"lacks {missing.Count} tensors of the model: {Some(missing)}. Give them their names in init.map, or set init.strict to false: they are then drawn.");
        if (strict && unused.Count > 0) problems.Add($"has {unused.Count} tensors that the model lacks: {Some(unused)}. The model has {Some([.. known.Order(StringComparer.Ordinal)])}. Rename or skip them in init.map, or set init.strict to false.");
        if (weights._sources.Count == 0) problems.Add($"has no tensor of this model. The model has {Some([.. known.Order(StringComparer.Ordinal)])}; the file has {Some([.. file.Header.Entries.Select(e => e.Name)])}. Give names in init.map.");
        (weights.Missing, weights.Unused) = (missing, [.. left, .. unused]);
        return problems.Count == 0 ? weights : null;
    }

    private static string Some(List<string> names) => string.Join(", ", names.Take(MostNamed)) + (names.Count > MostNamed ? $" and {names.Count - MostNamed} more" : "");

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
