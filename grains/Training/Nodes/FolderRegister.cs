using System.Globalization;
using System.Text;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// A job's register in a folder that every node reaches. Each revision is a file of its own, published under a name that nobody has taken: that is the compare-and-swap.
/// </summary>
/// <remarks>Names: <c>register-REVISION.json</c>. The newest counts; two are kept, so that a reader never finds its file gone twice in a row.</remarks>
public sealed class FolderRegister(IFileSystem files, string folder) : IJobRegister
{
    private const string Prefix = "register-";
    private const string Suffix = ".json";
    private const int Kept = 2;

    public FolderRegister(string folder) : this(new DiskFileSystem(), folder)
    {
    }

    public RegisterRecord? Read()
    {
        // Between the look at the folder and the file a writer may have dropped it; then there are newer ones.
        for (var tries = 0; ; tries++)
        {
            var newest = Revisions().DefaultIfEmpty(-1).Max();
            if (newest < 0) return null;
            try
            {
                using var reader = new StreamReader(files.OpenRead(PathOf(newest)));
                return RegisterFile.Parse(reader.ReadToEnd(), PathOf(newest));
            }
            catch (FileNotFoundException) when (tries < 3)
            {
            }
        }
    }

    public RegisterRecord? Write(RegisterRecord record, long expected)
    {
        if ((Read() is { } current ? current.Revision : -1) != expected || record.Revision != expected + 1) return Read();
        files.CreateFolder(folder);
        var temporary = Path.Combine(folder, $"tmp-{Prefix}{record.Revision}-{Guid.NewGuid():N}");
        using (var writer = files.Create(temporary))
        {
            writer.Write(Encoding.UTF8.GetBytes(RegisterFile.ToText(record)));
            writer.Flush();
        }
        if (!files.TryPublish(temporary, PathOf(record.Revision)))
        {
            files.Delete(temporary);
            return Read();
        }
        files.FlushFolder(folder);
        // A writer that slept through many revisions has taken a name that was dropped long ago: its record is none.
        if (Revisions().Max() > record.Revision + 1)
        {
            files.Delete(PathOf(record.Revision));
            return Read();
        }
        foreach (var old in Revisions().Where(r => r <= record.Revision - Kept)) files.Delete(PathOf(old));
        return record;
    }

    private IEnumerable<long> Revisions()
    {
        foreach (var name in files.List(folder))
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal)
                && long.TryParse(name.AsSpan(Prefix.Length, name.Length - Prefix.Length - Suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var revision)) yield return revision;
        }
    }

    private string PathOf(long revision) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{revision:D12}{Suffix}"));
}
