using System.Globalization;
using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Numbers with the sentence that shows them.</summary>
internal static class Evidence
{
    public static string Show(double value) => value.ToString(Math.Abs(value) is >= 1e5 or < 1e-3 and > 0 ? "0.###e+0" : "0.####", CultureInfo.InvariantCulture);

    public static string Percent(double share) => (100 * share).ToString(Math.Abs(share) < 0.1 ? "0.##" : "0", CultureInfo.InvariantCulture) + " %";

    public static VerdictEvidence Of(string name, double value, string text) => new(name, value, text);

    /// <summary>Both trends with their noise, and the gap between the losses.</summary>
    public static IReadOnlyList<VerdictEvidence> OfTrends(Reading reading, params ReadOnlySpan<VerdictEvidence> more) =>
        [.. more, .. OfTrend("train", reading.Train!), .. OfTrend("test", reading.Test!), Of("gap", reading.Test!.Level - reading.Train!.Level, $"test loss less train loss: {Show(reading.Test.Level - reading.Train.Level)}")];

    private static IEnumerable<VerdictEvidence> OfTrend(string which, SeriesReading series)
    {
        var trend = series.Trend;
        var relative = series.Scale > 0 ? trend.Change / series.Scale : 0;
        var how = trend.Direction is Direction.Flat
            ? $"is flat: it moves by {Percent(relative)} since step {series.FromStep}; less than {Percent(Math.Max(trend.Detectable, series.Matters) / Math.Max(series.Scale, double.Epsilon))} is noise or does not matter"
            : $"{(trend.Direction is Direction.Down ? "falls" : "rises")} by {Percent(Math.Abs(relative))} since step {series.FromStep}, {(trend.Strength >= 1e6 ? "without noise" : $"{Show(3 * trend.Strength)} standard errors")}";
        yield return Of($"{which}Change", relative, $"{which} loss {how}");
        yield return Of($"{which}Loss", series.Level, $"{which} loss now {Show(series.Level)}, lowest {Show(series.Lowest)} at step {Show(Math.Round(series.LowestStep))}, at the start {Show(series.Start)}");
        yield return Of($"{which}Noise", series.Scale > 0 ? trend.Noise / series.Scale : 0, $"{which} loss scatters by {Percent(series.Scale > 0 ? trend.Noise / series.Scale : 0)}");
    }
}
