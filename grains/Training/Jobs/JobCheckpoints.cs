using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>A job's published checkpoints, each read once.</summary>
internal sealed class JobCheckpoints(string folder, string identity)
{
    private readonly Dictionary<string, CheckpointReport> _read = new(StringComparer.Ordinal);

    /// <summary>Newest first.</summary>
    public IReadOnlyList<CheckpointReport> List()
    {
        if (folder.Length == 0 || !Directory.Exists(folder)) return [];
        var store = new CheckpointStore(new DiskFileSystem(), folder);
        var reports = new List<CheckpointReport>();
        foreach (var name in store.Manifests())
        {
            try
            {
                CheckpointReport? report;
                lock (_read) _read.TryGetValue(name, out report);
                if (report is null)
                {
                    var manifest = store.ReadManifest(name);
                    if (manifest.Identity != identity) continue;
                    var path = Path.Combine(store.Folder, name);
                    report = new CheckpointReport(manifest.Step, manifest.LastEvaluation.MeanLoss, manifest.LastEvaluation.Accuracy, File.GetLastWriteTimeUtc(path), manifest.Shards.Sum(s => s.Bytes) + manifest.LossLog.Bytes, path);
                    lock (_read) _read[name] = report;
                }
                reports.Add(report);
            }
            catch (Exception damaged) when (damaged is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                // Pruned while it was read, or damaged: none to go back to.
            }
        }
        return [.. reports.OrderByDescending(r => r.Step)];
    }

    /// <summary>Path of the newest manifest that was listed; empty without one.</summary>
    public string Newest
    {
        get { lock (_read) return _read.Values.MaxBy(c => c.Step)?.Manifest ?? ""; }
    }

    /// <summary>The committed records of the checkpoint after so many steps; null where there is none.</summary>
    public LossLog? CommittedAt(long step, ResolvedJob job)
    {
        if (folder.Length == 0) return null;
        var store = new CheckpointStore(new DiskFileSystem(), folder);
        foreach (var name in store.Manifests().Reverse())
        {
            try
            {
                if (store.ReadManifest(name).Step != step) continue;
                var log = new LossLog();
                log.Load(store.Restore(name, job).LossLog);
                return log;
            }
            catch (Exception damaged) when (damaged is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                // The run took up from another of the same step.
            }
        }
        return null;
    }
}
