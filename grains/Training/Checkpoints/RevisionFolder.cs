using System.Globalization;
using System.Text;

namespace DistTrain.Training;

/// <summary>
/// One text in a folder that many processes reach, changed by compare-and-swap: each revision is a file of its own, <c>PREFIXrevisionSUFFIX</c>, published under a name that
/// nobody has taken. The newest counts; two are kept, so that a reader never finds its file gone twice in a row.
/// </summary>
/// <param name="first">The first revision: 0 or 1. That before it means that there is none.</param>
public sealed class RevisionFolder(IFileSystem files, string folder, string prefix, string suffix, long first)
{
    private const int Kept = 2;
    private const int Tries = 100;

    /// <returns>null where there is none.</returns>
    /// <exception cref="IOException">It changes faster than it can be read.</exception>
    public (long Revision, string Text)? Read()
    {
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            try
            {
                if (Newest() is not { } newest) return null;
                using var reader = new StreamReader(files.OpenRead(PathOf(newest)));
                return (newest, reader.ReadToEnd());
            }
            catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
            {
                // Two newer revisions came between the listing and the reading, or all of it went: list again.
            }
        }
        throw new IOException($"{folder} changes faster than it can be read ({Tries} tries).");
    }

    /// <summary>Writes a revision if the one before it is the newest (none, for the first), durably.</summary>
    /// <returns>false: another was there, or came first.</returns>
    public bool TryWrite(string text, long revision)
    {
        if ((Newest() ?? first - 1) != revision - 1) return false;
        files.CreateFolder(folder);
        if (revision == first && Path.GetDirectoryName(folder) is { Length: > 0 } parent) files.FlushFolder(parent);
        if (!WriteExclusively(files, folder, NameOf(revision), Encoding.UTF8.GetBytes(text))) return false;
        files.FlushFolder(folder);
        // A writer that slept through several revisions has taken a name that was dropped long ago, or one in a folder that was removed and made again: its text is none.
        var there = Revisions().ToHashSet();
        if (there.Count == 0 || there.Max() > revision + 1 || (revision > first && !there.Contains(revision - 1) && !there.Contains(revision + 1)))
        {
            files.Delete(PathOf(revision));
            return false;
        }
        foreach (var old in there.Where(r => r <= revision - Kept)) files.Delete(PathOf(old));
        return true;
    }

    /// <summary>Writes a file aside, flushes it, and gives it its name only if nobody has that. The name is durable once the folder is flushed.</summary>
    public static bool WriteExclusively(IFileSystem files, string folder, string name, ReadOnlySpan<byte> bytes)
    {
        var aside = Path.Combine(folder, $"tmp-{name}-{Guid.NewGuid():N}");
        var published = false;
        try
        {
            using (var writer = files.Create(aside))
            {
                writer.Write(bytes);
                writer.Flush();
            }
            return published = files.TryPublish(aside, Path.Combine(folder, name));
        }
        finally
        {
            if (!published) files.Delete(aside);
        }
    }

    private long? Newest() => Revisions().Select(r => (long?)r).Max();

    private IEnumerable<long> Revisions()
    {
        foreach (var name in files.List(folder))
        {
            if (name.Length > prefix.Length + suffix.Length && name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal)
                && long.TryParse(name.AsSpan(prefix.Length, name.Length - prefix.Length - suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var revision)) yield return revision;
        }
    }

    private string NameOf(long revision) => string.Create(CultureInfo.InvariantCulture, $"{prefix}{revision:D12}{suffix}");

    private string PathOf(long revision) => Path.Combine(folder, NameOf(revision));
}
