using System.Globalization;
using DistTrain.Contracts;

namespace DistTrain.Diagnosis;

/// <summary>Numbers with the sentence that shows them.</summary>
internal static class Evidence
{
    /// <summary>Four digits that matter; whole numbers whole.</summary>
    public static string Show(double value)
    {
        var size = Math.Abs(value);
        if (size < 1e15 && value == Math.Round(value)) return value.ToString("0", CultureInfo.InvariantCulture);
        var format = size switch { >= 1e5 or < 1e-3 => "0.###e+0", >= 1e3 => "0", >= 100 => "0.#", >= 10 => "0.##", >= 1 => "0.###", _ => "0.####" };
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    public static string Percent(double share) => (100 * share).ToString(Math.Abs(share) < 0.1 ? "0.##" : "0", CultureInfo.InvariantCulture) + " %";

    public static VerdictEvidence Of(string name, double value, string text) => new(name, value, text);

    /// <summary>Both trends with their noise, and the gap between the losses.</summary>
    public static IReadOnlyList<VerdictEvidence> OfTrends(Reading reading, params ReadOnlySpan<VerdictEvidence> more) =>
        [.. more, .. OfTrend("train", reading.Train!), .. OfTrend("test", reading.Test!), Of("gap", reading.Test!.Level - reading.Train!.Level, $"test loss less train loss: {Show(reading.Test.Level - reading.Train.Level)}")];

    private static IEnumerable<VerdictEvidence> OfTrend(string which, SeriesReading series)
    {
        var trend = series.Trend;
        var relative = series.Scale > 0 ? trend.Change / series.Scale : 0;
        var (moves, hidden) = (Amount(Math.Abs(trend.Change), series.Scale), Amount(Math.Max(trend.Detectable, series.Matters), series.Scale));
        var how = trend.Direction is Direction.Flat
            ? $"is flat: it moves by {moves} since step {series.FromStep}; less than {hidden} is noise or does not matter"
            : $"{(trend.Direction is Direction.Down ? "falls" : "rises")} by {moves} since step {series.FromStep}, {(trend.Strength >= 1e6 ? "without noise" : $"{Show(3 * trend.Strength)} standard errors")}";
        yield return Of($"{which}Change", relative, $"{which} loss {how}");
        yield return Of($"{which}Loss", series.Level, $"{which} loss now {Show(series.Level)}, lowest {Show(series.Best)} at step {series.BestStep}, at the start {Show(series.Start)}");
        yield return Of($"{which}Noise", series.Scale > 0 ? trend.Noise / series.Scale : 0, $"{which} loss scatters by {Amount(trend.Noise, series.Scale)}");
    }

    // Beyond the level itself a percentage says nothing that anybody could picture.
    private static string Amount(double change, double scale) => scale > 0 && change < scale ? Percent(change / scale) : Show(change);
}
