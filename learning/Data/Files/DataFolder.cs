namespace DistTrain.Learning;

/// <summary>Finds the files of a set in a folder: the first name that exists of each list; what is missing is reported at once, with everything that was looked for.</summary>
internal sealed class DataFolder
{
    private readonly List<string> _missing = [];

    /// <param name="format">As in the spec, for errors.</param>
    /// <param name="path">The folder.</param>
    public DataFolder(string format, string path)
    {
        if (path.Length == 0)
            throw new DatasetException($"data.path is empty. It must be the folder with the files of format \"{format}\".");
        if (File.Exists(path))
            throw new DatasetException($"data.path is {path}, a file. It must be the folder with the files of format \"{format}\".");
        if (!Directory.Exists(path))
            throw new DatasetException($"data.path is {path}, which does not exist (looked for {System.IO.Path.GetFullPath(path)}). It must be the folder with the files of format \"{format}\".");
        Path = path;
    }

    public string Path { get; }

    /// <summary>The first of <paramref name="names"/> that exists, plain before gzip; "" where none does.</summary>
    public string Find(string what, params ReadOnlySpan<string> names)
    {
        var tried = new List<string>();
        foreach (var name in names)
            foreach (var ending in (ReadOnlySpan<string>)["", ".gz"])
            {
                if (File.Exists(System.IO.Path.Combine(Path, name + ending))) return System.IO.Path.Combine(Path, name + ending);
                tried.Add(name + ending);
            }
        _missing.Add($"no {what} (looked for {string.Join(", ", tried)})");
        return "";
    }

    /// <summary>All files matching <paramref name="pattern"/>, plain before gzip where both are there, shorter names first (batch_2 before batch_10).</summary>
    public IReadOnlyList<string> FindAll(string what, string pattern)
    {
        var found = Matches(pattern).Concat(Matches(pattern + ".gz").Where(name => !File.Exists(name[..^3])))
            .OrderBy(name => name.Replace(".gz", "").Length).ThenBy(name => name, StringComparer.Ordinal).ToList();
        if (found.Count == 0) _missing.Add($"no {what} (looked for {pattern}, {pattern}.gz)");
        return found;
    }

    /// <summary>Fails when anything was not found.</summary>
    public void Check(string advice)
    {
        if (_missing.Count == 0) return;
        // A folder that may not be entered looks empty.
        Matches("*");
        throw new DatasetException($"{Path} has {string.Join("; ", _missing)}. {advice}");
    }

    private IEnumerable<string> Matches(string pattern)
    {
        try
        {
            return Directory.GetFiles(Path, pattern);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DatasetException($"{Path} cannot be read. This user may not list it: give read access to the folder.", e);
        }
    }
}
