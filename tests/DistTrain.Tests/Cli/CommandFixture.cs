using System.Text.Json.Nodes;
using DistTrain.Cli;

namespace DistTrain.Tests.Cli;

/// <summary>Runs the command in this process, in a folder of its own that is removed afterwards.</summary>
public abstract class CommandFixture : IDisposable
{
    /// <summary>A job of some 40 steps that takes a moment.</summary>
    protected static readonly string[] Small =
    [
        "--set", "data.format={digits: {train: 320, test: 60}}", "--set", "training.batchSize=32", "--set", "training.epochs=2", "--set", "cluster.computeThreads=1", "--set", "model={mlp: {hidden: [32]}}",
    ];

    protected string Folder { get; } = Directory.CreateTempSubdirectory("disttrain-").FullName;

    protected string Runs => Path.Combine(Folder, "runs");

    protected sealed record Ended(int Code, string Out, string Error)
    {
        /// <summary>The last line of Out.</summary>
        public JsonObject Json => (JsonObject)JsonNode.Parse(Lines[^1])!;

        public string[] Lines => Out.TrimEnd('\n').Split('\n');
    }

    protected static async Task<Ended> Run(CancellationToken cancellation, params IEnumerable<string> args)
    {
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        // Progress comes from another thread than errors.
        var code = await DistTrainCommand.RunAsync([.. args], output, TextWriter.Synchronized(error), cancellation);
        return new Ended(code, output.ToString(), error.ToString());
    }

    protected static Task<Ended> Run(params IEnumerable<string> args) => Run(CancellationToken.None, args);

    /// <summary>train with the small job.</summary>
    protected Task<Ended> Train(params IEnumerable<string> more) => Run(["train", .. Small, "--runs", Runs, "-o", "json", .. more]);

    protected string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Every file below the folder.</summary>
    protected IReadOnlyList<string> Files() => [.. Directory.EnumerateFileSystemEntries(Folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Folder, f)).Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}
