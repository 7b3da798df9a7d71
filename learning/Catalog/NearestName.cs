namespace DistTrain.Learning;

/// <summary>The known name that a mistyped one most resembles (edit distance, letter case ignored).</summary>
public static class NearestName
{
    /// <summary>The nearest of <paramref name="known"/>, or null where nothing is close: more than half of the letters would change.</summary>
    public static string? Find(string name, IEnumerable<string> known)
    {
        var (best, nearest) = (int.MaxValue, (string?)null);
        foreach (var candidate in known.Order(StringComparer.Ordinal))
        {
            var distance = Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant());
            if (distance < best && distance <= Math.Max(1, Math.Max(name.Length, candidate.Length) / 2)) (best, nearest) = (distance, candidate);
        }
        return nearest;
    }

    /// <summary>" Did you mean adam?", or nothing.</summary>
    public static string Suggest(string name, IEnumerable<string> known) => Find(name, known) is { } nearest ? $" Did you mean {nearest}?" : "";

    // Insertions, deletions, substitutions and swaps of neighbours (Damerau 1964, restricted).
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                rows[i, j] = Math.Min(Math.Min(rows[i - 1, j] + 1, rows[i, j - 1] + 1), rows[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }
        return rows[a.Length, b.Length];
    }
}
