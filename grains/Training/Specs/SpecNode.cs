namespace DistTrain.Training.Specs;

/// <summary>A job file as a tree, the same for YAML and JSON, with the place of every value.</summary>
internal abstract record SpecNode(SpecPosition At);

internal sealed record SpecMapping(SpecPosition At, IReadOnlyList<SpecEntry> Entries) : SpecNode(At)
{
    public SpecEntry? Find(string key)
    {
        foreach (var entry in Entries)
            if (entry.Key == key) return entry;
        return null;
    }

    /// <summary>The same mapping with one entry replaced, or added at the end.</summary>
    public SpecMapping With(SpecEntry entry)
    {
        var entries = Entries.ToList();
        var index = entries.FindIndex(e => e.Key == entry.Key);
        if (index < 0) entries.Add(entry);
        else entries[index] = entry;
        return this with { Entries = entries };
    }
}

internal sealed record SpecEntry(string Key, SpecPosition KeyAt, SpecNode Value);

/// <summary>Collects a mapping's entries; a key that comes again is a problem and changes nothing.</summary>
internal sealed class SpecEntries(List<SpecProblem> problems)
{
    private readonly Dictionary<string, SpecEntry> _first = new(StringComparer.Ordinal);
    private readonly List<SpecEntry> _all = [];

    public IReadOnlyList<SpecEntry> All => _all;

    public void Add(SpecEntry entry)
    {
        if (_first.TryAdd(entry.Key, entry)) _all.Add(entry);
        else problems.Add(new SpecProblem(entry.KeyAt, "", $"the key {ScalarSyntax.Shown(entry.Key)} is here a second time; the first is in line {_first[entry.Key].KeyAt.Line}. Keep one of them."));
    }
}

internal sealed record SpecSequence(SpecPosition At, IReadOnlyList<SpecNode> Items) : SpecNode(At);

/// <param name="Kind">By the core schema of YAML 1.2, which agrees with JSON.</param>
/// <param name="Text">As written, without quotes.</param>
internal sealed record SpecScalar(SpecPosition At, ScalarKind Kind, string Text) : SpecNode(At);

internal enum ScalarKind
{
    Null,
    Bool,
    Integer,
    Number,

    /// <summary>.inf, .nan and numbers beyond double.</summary>
    NotFinite,
    Text,
}

/// <summary>What every job file is held to before anything is built from it.</summary>
internal static class SpecLimits
{
    public const int Bytes = 1 << 20;
    public const int Depth = 32;
    public const int Nodes = 20_000;
    public const int Aliases = 64;
}
