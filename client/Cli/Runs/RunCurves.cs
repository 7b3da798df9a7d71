using System.Text.Json;
using DistTrain.Diagnosis;

namespace DistTrain.Cli;

/// <summary>The loss curves of a run on this machine, from its metrics.jsonl.</summary>
internal static class RunCurves
{
    /// <exception cref="CommandException">There is no run in the folder.</exception>
    public static TrainingCurves Read(string folder)
    {
        var path = Path.Combine(folder, "metrics.jsonl");
        if (!File.Exists(path)) throw new CommandException(ExitCode.NotFound, $"{folder} holds no run: there is no {path}. Name the folder of a run, such as runs/digits.");
        var collector = new CurveCollector();
        foreach (var line in File.ReadLines(path))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                var entry = json.RootElement;
                var kind = entry.GetProperty("kind").GetString();
                if (kind is "step" or "evaluation") collector.Add(kind == "evaluation", entry.GetProperty("step").GetInt64(), Number(entry, "loss"), Number(entry, "accuracy"), Number(entry, "learningRate"), Number(entry, "gradientNorm"));
            }
            catch (Exception torn) when (torn is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                // The last line of a run that was killed.
            }
        }
        return collector.Curves;
    }

    private static double Number(JsonElement entry, string name) => !entry.TryGetProperty(name, out var value) ? double.NaN : value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String => double.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture),
        _ => double.NaN,
    };
}
