using System.Text.Json;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>
/// A run on disk: <c>job.yaml</c> (the spec as it ran), <c>plan.json</c>, <c>metrics.jsonl</c>, <c>result.json</c> once it ended, <c>checkpoints/</c>.
/// Held open by one process at a time.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    private IDisposable? _lock;

    private RunFolder(string path) => Path = path;

    public string Path { get; }

    public string JobFile => In("job.yaml");

    public string PlanFile => In("plan.json");

    public string MetricsFile => In("metrics.jsonl");

    public string ResultFile => In("result.json");

    /// <summary>Where this run's checkpoints go unless the spec names a folder.</summary>
    public string Checkpoints => In("checkpoints");

    /// <summary>Where a finished run's checkpoints wait until the run that takes its place has finished too.</summary>
    public string Earlier => In("checkpoints-before");

    /// <summary>A run is here.</summary>
    public bool Exists => File.Exists(JobFile);

    /// <summary>It ended with all its epochs done.</summary>
    public bool Completed => ReadJson(ResultFile)?["status"]?.GetValue<string>() == "completed";

    public static RunFolder Of(string runs, string name) => new(System.IO.Path.Combine(runs, name));

    /// <summary>The run in <paramref name="runs"/> that was worked on last and has not ended; null where there is none.</summary>
    public static RunFolder? NewestUnfinished(string runs)
    {
        if (!Directory.Exists(runs)) return null;
        return Directory.GetDirectories(runs).Select(folder => new RunFolder(folder)).Where(run => run.Exists && !run.Completed)
            .OrderByDescending(run => File.Exists(run.MetricsFile) ? File.GetLastWriteTimeUtc(run.MetricsFile) : File.GetLastWriteTimeUtc(run.JobFile)).FirstOrDefault();
    }

    /// <summary>Takes the folder for this process, making it where it is absent.</summary>
    /// <exception cref="CommandException">It cannot be made, or another process trains in it.</exception>
    public void Take()
    {
        try
        {
            Directory.CreateDirectory(Path);
            // What is not writable must not be taken for what another process holds.
            var probe = In($".probe-{Environment.ProcessId}");
            File.Create(probe, 1).Dispose();
            File.Delete(probe);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"the run's folder {Path} cannot be written: {error.Message.TrimEnd('.')}. Choose another with --runs FOLDER.");
        }
        _lock = Lock(In(".lock")) ?? throw new CommandException(ExitCode.Usage, $"another process trains in {Path}. Wait for it, stop it, or give this run a name of its own: --set name=NAME");
    }

    /// <summary>Holds a file, made in a folder that can be written, for this process; null where another process holds it.</summary>
    public static IDisposable? Lock(string file)
    {
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What the run's plan says decides its bits; null where there is none.</summary>
    public JsonObject? Plan() => ReadJson(PlanFile);

    /// <summary>Forgets what an earlier run left here; the checkpoints of one that had finished are kept until <see cref="Finish"/>.</summary>
    /// <exception cref="CommandException">Something there cannot be removed.</exception>
    public void Clear()
    {
        try
        {
            if (Completed && Directory.Exists(Checkpoints))
            {
                if (Directory.Exists(Earlier)) Directory.Delete(Earlier, recursive: true);
                Directory.Move(Checkpoints, Earlier);
            }
            foreach (var file in new[] { ResultFile, MetricsFile, PlanFile, JobFile }) File.Delete(file);
            if (Directory.Exists(Checkpoints)) Directory.Delete(Checkpoints, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"the run in {Path} cannot be replaced: {error.Message.TrimEnd('.')}. Remove it, or give this run a name of its own: --set name=NAME");
        }
    }

    /// <summary>This run has a result of its own: what it replaced can go.</summary>
    public void Finish()
    {
        try
        {
            if (Directory.Exists(Earlier)) Directory.Delete(Earlier, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What cannot be removed stays; nothing depends on it.
        }
    }

    /// <summary>The plan and the job as they run.</summary>
    /// <returns>Why they could not be written, which keeps a run from being resumed but not from training; null where they were.</returns>
    public string? Write(JobSpec spec, JsonObject plan) =>
        Try(PlanFile, plan.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n") ?? Try(JobFile, SpecWriter.ToYaml(spec));

    /// <returns>Why it could not be written; null where it was.</returns>
    public string? WriteResult(JsonObject result) => Try(ResultFile, result.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");

    public void Dispose() => _lock?.Dispose();

    /// <summary>A file is there whole or not at all.</summary>
    public static void WriteWhole(string path, string text)
    {
        var temporary = path + ".tmp";
        try
        {
            File.WriteAllText(temporary, text);
            File.Move(temporary, path, overwrite: true);
        }
        catch (IOException)
        {
            File.Delete(temporary); // a full disk needs the room
            throw;
        }
    }

    private static string? Try(string path, string text)
    {
        try
        {
            WriteWhole(path, text);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"{path} could not be written: {error.Message.TrimEnd('.')}.";
        }
    }

    private static JsonObject? ReadJson(string path)
    {
        try
        {
            return File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path)) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null; // a torn file is as good as none
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
