using System.Text.Json;
using DistTrain.Contracts;

namespace DistTrain.Dashboard;

/// <summary>The files of one checkpoint, all open: what is pruned while they are sent is sent whole.</summary>
internal sealed class CheckpointFiles : IDisposable
{
    private const string Suffix = ".manifest.json";
    private const long LargestManifest = 64 << 20;

    private readonly List<(string Name, FileStream Content)> _files = [];

    private CheckpointFiles()
    {
    }

    /// <summary>The manifest first.</summary>
    public IReadOnlyList<(string Name, FileStream Content)> All => _files;

    /// <param name="manifest">Path, as the cluster tells it.</param>
    /// <exception cref="ClusterException">It is not on this machine, or names what is no plain file beside it.</exception>
    public static CheckpointFiles Open(string manifest)
    {
        var files = new CheckpointFiles();
        try
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(manifest))!;
            if (!manifest.EndsWith(Suffix, StringComparison.Ordinal) || !File.Exists(manifest))
                throw new ClusterException(ClusterError.Conflict, $"the checkpoint is {manifest}, which this server does not see. Copy it from the machine that holds it, or let the server share the folder of checkpoints.");
            files.Add(folder, Path.GetFileName(manifest));
            foreach (var name in Named(files._files[0].Content)) files.Add(folder, name);
            return files;
        }
        catch (Exception failed)
        {
            files.Dispose();
            throw failed switch
            {
                ClusterException => failed,
                IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException => new ClusterException(ClusterError.Conflict, $"the checkpoint {manifest} cannot be read: {failed.Message} Verify it with: disttrain checkpoints verify", failed),
                _ => failed,
            };
        }
    }

    public void Dispose()
    {
        foreach (var (_, content) in _files) content.Dispose();
    }

    private static List<string> Named(FileStream manifest)
    {
        if (manifest.Length > LargestManifest) throw new IOException($"its manifest has {manifest.Length} bytes.");
        using var json = JsonDocument.Parse(manifest);
        manifest.Seek(0, SeekOrigin.Begin);
        return [.. json.RootElement.GetProperty("shards").EnumerateArray().Append(json.RootElement.GetProperty("lossLog")).Select(f => f.GetProperty("name").GetString() ?? "").Where(n => n.Length > 0)];
    }

    // A name, not a path; a file, not a link to one.
    private void Add(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (name != Path.GetFileName(name) || name is "." or ".." || new FileInfo(path).LinkTarget is not null)
            throw new ClusterException(ClusterError.Conflict, $"the manifest names {name}, which is no plain file beside it. It was not written by DistTrain; nothing of it is sent.");
        _files.Add((name, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete)));
    }
}
