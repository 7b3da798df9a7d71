using System.Globalization;
using System.Text;
using DistTrain.Learning;

namespace DistTrain.Cli;

/// <summary>Where a study's files go, and what was written.</summary>
internal sealed class StudyFolder(string? folder)
{
    private readonly List<string> _files = [];

    public IReadOnlyList<string> Files => _files;

    public void Table(string name, string header, IEnumerable<string> rows)
    {
        if (folder is null) return;
        var text = new StringBuilder(header).Append('\n');
        foreach (var row in rows) text.Append(row).Append('\n');
        Directory.CreateDirectory(folder);
        File.WriteAllText(Named(name), text.ToString());
    }

    public void Draw(string name, Picture picture)
    {
        if (folder is null) return;
        Directory.CreateDirectory(folder);
        using var stream = File.Create(Named(name));
        PngWriter.Write(stream, picture);
    }

    /// <summary>As CSV has it: shortest that reads back the same.</summary>
    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private string Named(string name)
    {
        var path = Path.Combine(folder!, name);
        _files.Add(path);
        return path;
    }
}
