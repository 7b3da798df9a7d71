using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Documentation;

/// <summary>docs/exactness.md claims nothing that its record does not hold.</summary>
public sealed partial class ExactnessPageTests
{
    private static readonly string Record = Path.Combine(Repository.Root, "tests", "Bench", "records", "2026-11-20_exactness");

    [Fact]
    public void Every_measured_number_of_the_page_is_a_rounded_one_of_the_record()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "exactness.md"));
        Assert.Contains("tests/Bench/records/2026-11-20_exactness", page, StringComparison.Ordinal);
        var recorded = Directory.GetFiles(Record, "*.txt").SelectMany(f => Number().Matches(File.ReadAllText(f))).Select(m => double.Parse(m.Value, CultureInfo.InvariantCulture)).ToHashSet();
        recorded.UnionWith(Ratios());
        var claimed = Number().Matches(page).Select(m => m.Value).Where(v => v.Contains('.', StringComparison.Ordinal)).Distinct().ToArray();
        Assert.True(claimed.Length > 25, $"only {claimed.Length} numbers were found on the page.");
        var unknown = claimed.Where(text =>
        {
            var half = 0.5 * Math.Pow(10, -(text.Length - text.IndexOf('.', StringComparison.Ordinal) - 1));
            return !recorded.Any(r => Math.Abs(r - double.Parse(text, CultureInfo.InvariantCulture)) <= half * 1.0001);
        });
        Assert.Empty(unknown);
    }

    // Samples a second at M = 8 over those at M = 1, runs in pairs.
    private static IEnumerable<double> Ratios()
    {
        var runs = File.ReadLines(Path.Combine(Record, "micro-batches.txt")).Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement).ToArray();
        foreach (var model in runs.GroupBy(r => r.GetProperty("model").GetString()))
        {
            double[] Of(int m) => [.. model.Where(r => r.GetProperty("microBatches").GetInt32() == m).Select(r => r.GetProperty("samples_per_s").GetDouble())];
            foreach (var (one, eight) in Of(1).Zip(Of(8))) yield return eight / one;
        }
    }

    [GeneratedRegex(@"(?<![\w.-])\d+(\.\d+)?(?![\w.])")]
    private static partial Regex Number();
}
