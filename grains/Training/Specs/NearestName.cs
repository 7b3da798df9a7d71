namespace DistTrain.Training.Specs;

/// <summary>Which known name a misspelt one was meant to be.</summary>
internal static class NearestName
{
    /// <summary>" Did you mean X?" or "" where nothing is near: at most one edit for every three letters.</summary>
    public static string Hint(string written, IEnumerable<string> known)
    {
        var nearest = known.Select(name => (Name: name, Edits: Edits(written.ToLowerInvariant(), name.ToLowerInvariant())))
            .OrderBy(c => c.Edits).ThenBy(c => c.Name, StringComparer.Ordinal).FirstOrDefault();
        return nearest.Name is not null && nearest.Edits <= Math.Max(1, Math.Max(written.Length, nearest.Name.Length) / 3) ? $" Did you mean {nearest.Name}?" : "";
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that turn one into the other.</summary>
    private static int Edits(string a, string b)
    {
        if (a.Length > 64 || b.Length > 64) return int.MaxValue;
        var (older, previous, row) = (new int[b.Length + 1], new int[b.Length + 1], new int[b.Length + 1]);
        for (var j = 0; j <= b.Length; j++) previous[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(row[j - 1], previous[j]) + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = Math.Min(row[j], older[j - 2] + 1);
            }
            (older, previous, row) = (previous, row, older);
        }
        return previous[b.Length];
    }
}
