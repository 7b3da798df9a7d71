using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

/// <summary>How often the table's rule is found, over the nine cells, noise and lengths; what is not known is counted apart from what is wrong.</summary>
internal static class DiagnosisBenchmark
{
    public static IReadOnlyList<double> Noises { get; } = [0, 0.05, 0.15, 0.30];

    public static IReadOnlyList<int> Lengths { get; } = [12, 25, 50, 100, 200, 400];

    /// <param name="Right">The verdict is the cell's rule.</param>
    /// <param name="Wrong">It is another.</param>
    /// <param name="Unsure">insufficientData.</param>
    public readonly record struct Score(int Right, int Wrong, int Unsure)
    {
        public double WrongShare => (double)Wrong / Math.Max(1, Right + Wrong + Unsure);

        public double RightShare => (double)Right / Math.Max(1, Right + Wrong + Unsure);

        public static Score operator +(Score a, Score b) => new(a.Right + b.Right, a.Wrong + b.Wrong, a.Unsure + b.Unsure);
    }

    public static Score Of(Cell cell, double noise, int evaluations, int firstSeed, int seeds, IDictionary<(string Truth, string Said), int>? confusion = null)
    {
        var score = default(Score);
        for (var seed = firstSeed; seed < firstSeed + seeds; seed++)
        {
            var (truth, said) = (CellCurves.Truth(cell), LossDiagnosis.Of(CellCurves.Make(cell, noise, evaluations, seed)).Rule);
            score += said == truth ? new Score(1, 0, 0) : said == VerdictNames.InsufficientData ? new Score(0, 0, 1) : new Score(0, 1, 0);
            if (confusion is not null) confusion[(truth, said)] = confusion.TryGetValue((truth, said), out var count) ? count + 1 : 1;
        }
        return score;
    }

    /// <summary>Right / wrong / not sure in percent for each noise and length, then what was taken for what at the highest noise.</summary>
    public static void Print(TextWriter output, int firstSeed, int seeds)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seeds {firstSeed} to {firstSeed + seeds - 1}, {CellCurves.Cells.Count} cells; right / wrong / not sure, %"));
        output.WriteLine($"noise   {string.Concat(Lengths.Select(n => $"{n,16}"))}{"all",16}");
        foreach (var noise in Noises)
        {
            var scores = Lengths.Select(n => CellCurves.Cells.Aggregate(default(Score), (sum, cell) => sum + Of(cell, noise, n, firstSeed, seeds))).ToList();
            output.WriteLine($"{Share(noise),-8}{string.Concat(scores.Append(scores.Aggregate((a, b) => a + b)).Select(s => $"{Text(s),16}"))}");
        }
        foreach (var noise in Noises)
        {
            var confusion = new Dictionary<(string Truth, string Said), int>();
            foreach (var n in Lengths)
                foreach (var cell in CellCurves.Cells) Of(cell, noise, n, firstSeed, seeds, confusion);
            var said = confusion.Keys.Select(k => k.Said).Distinct().Order(StringComparer.Ordinal).ToList();
            output.WriteLine($"{Environment.NewLine}noise {Share(noise)}, all lengths: rows are true, columns what was said, % of the row");
            output.WriteLine($"{"",-16}{string.Concat(said.Select(s => $"{s,18}"))}");
            foreach (var truth in CellCurves.Cells.Select(CellCurves.Truth).Distinct())
            {
                var row = said.Select(s => confusion.GetValueOrDefault((truth, s))).ToList();
                output.WriteLine($"{truth,-16}{string.Concat(row.Select(c => $"{(100.0 * c / row.Sum()).ToString("F1", CultureInfo.InvariantCulture),18}"))}");
            }
        }
        output.WriteLine();
        output.WriteLine("cell by cell at 30 % noise, right / wrong / not sure, %");
        foreach (var cell in CellCurves.Cells) output.WriteLine($"{cell,-24}{string.Concat(Lengths.Select(n => $"{Text(Of(cell, 0.30, n, firstSeed, seeds)),16}"))}");
    }

    private static string Text(Score s)
    {
        var all = Math.Max(1.0, s.Right + s.Wrong + s.Unsure);
        return string.Create(CultureInfo.InvariantCulture, $"{100 * s.Right / all:F1}/{100 * s.Wrong / all:F1}/{100 * s.Unsure / all:F1}");
    }

    private static string Share(double noise) => string.Create(CultureInfo.InvariantCulture, $"{100 * noise:F0} %");
}
