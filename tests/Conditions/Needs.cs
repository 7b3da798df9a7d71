using System.Collections.Concurrent;

namespace DistTrain.Tests;

/// <summary>
/// What a test needs of its machine. An attribute that finds it absent sets Skip, so that the test counts as skipped, not as passed; the reason stands in
/// skipped.txt beside the assembly, once, for the line after the tests and for .ci/run.
/// </summary>
internal static class Needs
{
    private static readonly ConcurrentDictionary<string, bool> Said = new(StringComparer.Ordinal);

    /// <returns>The reason, for Skip; null where what is needed is there.</returns>
    public static string? Unless(bool there, string reason)
    {
        if (there) return null;
        if (Said.TryAdd(reason, true))
            lock (Said) File.AppendAllText(Path.Combine(AppContext.BaseDirectory, "skipped.txt"), reason + Environment.NewLine);
        return reason;
    }
}
