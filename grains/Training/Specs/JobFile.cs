using System.Text;
using DistTrain.Contracts;

namespace DistTrain.Training.Specs;

/// <summary>A job spec as read, with the place of each value for problems that show up later.</summary>
public sealed class JobFile
{
    private readonly Dictionary<string, SpecPosition> _places;

    private JobFile(string source, JobSpec spec, Dictionary<string, SpecPosition> places) => (Source, Spec, _places) = (source, spec, places);

    /// <summary>What messages call it: the file's path, or "the built-in job".</summary>
    public string Source { get; }

    public JobSpec Spec { get; }

    /// <summary>Reads a file and checks all that needs no data: fields, component names, options. JSON where its name ends in .json, else YAML.</summary>
    /// <exception cref="SpecException">Every problem of the file and the overrides.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static JobFile Load(string path, params IReadOnlyList<SpecOverride> overrides)
    {
        byte[] bytes;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            bytes = new byte[SpecLimits.Bytes + 1];
            bytes = bytes[..file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
        }
        catch (DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"{path} is not there.", path);
        }
        catch (Exception error) when (error is UnauthorizedAccessException or IOException and not FileNotFoundException)
        {
            var reason = Directory.Exists(path) ? "it is a folder. Name the job file in it." : $"it cannot be read: {error.Message}";
            throw new SpecException([new SpecProblem(new SpecPosition(path, 0, 0), "", reason)]);
        }
        return Parse(bytes, path, path.EndsWith(".json", StringComparison.OrdinalIgnoreCase), overrides);
    }

    /// <summary>The built-in job: the generated digits, LeNet, Adam.</summary>
    public static JobFile BuiltIn(params IReadOnlyList<SpecOverride> overrides) =>
        Bind(new SpecMapping(default, Entries(("apiVersion", JobSpec.ApiVersion), ("kind", JobSpec.Kind), ("name", new JobSpec().Name))), "the built-in job", [], overrides);

    /// <summary>Text in memory, UTF-8.</summary>
    public static JobFile Parse(ReadOnlySpan<byte> utf8, string source, bool json = false, params IReadOnlyList<SpecOverride> overrides)
    {
        var problems = new List<SpecProblem>();
        var whole = new SpecPosition(source, 0, 0);
        if (utf8.Length > SpecLimits.Bytes) Fail("the file is larger than 1 MiB. A job file must be smaller; data belongs into spec.data.path.");
        if (utf8.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]) || utf8.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE])) Fail("the text is UTF-16. Save it as UTF-8.");
        if (utf8.StartsWith(Encoding.UTF8.Preamble)) utf8 = utf8[3..];
        var text = "";
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(utf8);
        }
        catch (DecoderFallbackException error)
        {
            var line = 1 + utf8[..Math.Max(0, error.Index)].Count((byte)'\n');
            whole = whole with { Line = line, Column = Math.Max(0, error.Index) - (utf8[..Math.Max(0, error.Index)].LastIndexOf((byte)'\n') + 1) + 1 };
            Fail("the bytes here are not UTF-8. Save the file as UTF-8.");
        }
        var root = json ? JsonTree.Read(utf8, source, problems) : YamlTree.Read(text, source, problems);
        if (root is null or SpecScalar { Kind: ScalarKind.Null } && problems.Count == 0)
            problems.Add(new SpecProblem(whole, "", "the file is empty. Write one with: disttrain init NAME"));
        else if (root is not (null or SpecMapping))
            problems.Add(new SpecProblem(root.At, "", "the file is not a mapping. It must have apiVersion, kind, metadata and spec; see: disttrain init NAME"));
        return root is SpecMapping mapping ? Bind(mapping, source, problems, overrides) : throw new SpecException(problems);

        void Fail(string message) => throw new SpecException([new SpecProblem(whole, "", message)]);
    }

    /// <summary>A problem at a path of the spec, at the place of that path or of the nearest one around it.</summary>
    public SpecProblem Problem(string path, string message) => new(PlaceOf(path), path, message);

    /// <summary>A whole sentence about what stands at a path.</summary>
    public SpecProblem Remark(string path, string sentence) => new(PlaceOf(path), "", sentence);

    private SpecPosition PlaceOf(string path)
    {
        for (var at = path; at.Length > 0; at = at[..Math.Max(0, at.LastIndexOfAny(['.', '[']))])
            if (_places.TryGetValue(at, out var place)) return place;
        return new SpecPosition(Source, 0, 0);
    }

    private static JobFile Bind(SpecMapping root, string source, List<SpecProblem> problems, IReadOnlyList<SpecOverride> overrides)
    {
        root = SpecOverrides.Apply(root, overrides, problems);
        var binder = new SpecBinder(source, problems);
        var file = new JobFile(source, binder.Bind(root), binder.Places);
        // A value that the reader refused is judged once.
        problems.AddRange(new SpecComponents(file).Problems.Where(p => !problems.Exists(q => q.Path.StartsWith(p.Path, StringComparison.Ordinal) && (q.Path.Length == p.Path.Length || q.Path[p.Path.Length] is '.' or '['))).ToArray());
        return problems.Count == 0 ? file : throw new SpecException([.. problems.OrderBy(p => p.At.Line == 0 ? int.MaxValue : p.At.Line).ThenBy(p => p.At.Column)]);
    }

    private static SpecEntry[] Entries(params (string Key, string Value)[] pairs) =>
    [
        .. pairs.Select(p => p.Key == "name"
            ? new SpecEntry("metadata", default, new SpecMapping(default, [new SpecEntry("name", default, new SpecScalar(default, ScalarKind.Text, p.Value))]))
            : new SpecEntry(p.Key, default, new SpecScalar(default, ScalarKind.Text, p.Value))),
    ];
}
