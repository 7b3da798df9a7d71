using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Cli;

/// <summary>The steps and evaluations of a run on this machine, from its metrics.jsonl, in the form of a cluster's.</summary>
internal static class RunPoints
{
    /// <exception cref="CommandException">There is no run in the folder.</exception>
    public static IEnumerable<MetricPoint> Read(string folder)
    {
        var path = Path.Combine(folder, "metrics.jsonl");
        if (!File.Exists(path)) throw new CommandException(ExitCode.NotFound, $"{folder} holds no run: there is no {path}. Name the folder of a run, such as runs/digits.");
        return Points(path, StepsPerEpoch(Path.Combine(folder, "plan.json")));
    }

    /// <summary>What is named is a folder, of a run or of nothing: no job's id has a separator in it.</summary>
    /// <exception cref="CommandException">It looks like one, and nothing is there.</exception>
    public static bool IsFolder(string named) => Directory.Exists(named) || (named.Contains('/') || named.Contains(Path.DirectorySeparatorChar)
        ? throw new CommandException(ExitCode.NotFound, $"{named} is not there. Name a job of a cluster, or the folder of a run, such as runs/digits.") : false);

    /// <summary>When the run began, as far as its folder tells: when its plan was written.</summary>
    public static DateTimeOffset Began(string folder)
    {
        var plan = Path.Combine(folder, "plan.json");
        return File.GetLastWriteTimeUtc(File.Exists(plan) ? plan : Path.Combine(folder, "metrics.jsonl"));
    }

    private static IEnumerable<MetricPoint> Points(string path, double stepsPerEpoch)
    {
        var sequence = 0L;
        foreach (var line in Lines(path))
        {
            MetricPoint? point = null;
            try
            {
                using var json = JsonDocument.Parse(line);
                point = Of(json.RootElement, sequence + 1, stepsPerEpoch);
            }
            catch (Exception torn) when (torn is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                // The last line of a run that was killed.
            }
            if (point is null) continue;
            sequence++;
            yield return point;
        }
    }

    // The run may still be writing.
    private static IEnumerable<string> Lines(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        while (reader.ReadLine() is { } line) yield return line;
    }

    private static MetricPoint? Of(JsonElement entry, long sequence, double stepsPerEpoch)
    {
        if (entry.GetProperty("kind").GetString() is not ("step" or "evaluation")) return null;
        var step = entry.GetProperty("step").GetInt64();
        return new MetricPoint
        {
            Sequence = sequence, Kind = entry.GetProperty("kind").GetString()!, Step = step, Epoch = step / stepsPerEpoch, Seconds = Number(entry, "seconds"), Loss = Number(entry, "loss"), Accuracy = Number(entry, "accuracy"),
            Samples = entry.TryGetProperty("samples", out var samples) ? samples.GetInt64() : 0, LearningRate = Number(entry, "learningRate"), GradientNorm = Number(entry, "gradientNorm"), ClippedNorm = Number(entry, "clippedNorm"),
            Values = entry.TryGetProperty("values", out var values) ? values.EnumerateObject().ToDictionary(v => v.Name, v => Number(v.Value)) : null,
        };
    }

    private static double Number(JsonElement entry, string name) => entry.TryGetProperty(name, out var value) ? Number(value) : double.NaN;

    private static double Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String => double.Parse(value.GetString()!, CultureInfo.InvariantCulture),
        _ => double.NaN,
    };

    private static double StepsPerEpoch(string plan)
    {
        try
        {
            return (double?)JsonNode.Parse(File.ReadAllText(plan))?["stepsPerEpoch"] is { } steps and > 0 ? steps : double.NaN;
        }
        catch (Exception lost) when (lost is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or FormatException)
        {
            return double.NaN; // epochs are then left out
        }
    }
}
