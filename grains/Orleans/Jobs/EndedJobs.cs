using DistTrain.Contracts;
using DistTrain.Training;
using Microsoft.Extensions.Options;

namespace DistTrain.Grains;

/// <summary>What is still known of a job that has ended, read from its checkpoints: nobody runs it any more.</summary>
internal sealed class EndedJobs(IClusterStore store, IOptions<DistTrainOptions> options)
{
    /// <summary>Published checkpoints, newest first.</summary>
    public Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(JobStatus end) => ReadAsync<IReadOnlyList<CheckpointReport>>(end, checkpoints =>
    {
        var reports = new List<CheckpointReport>();
        foreach (var (name, manifest) in Manifests(checkpoints))
        {
            var path = Path.Combine(checkpoints.Folder, name);
            reports.Add(new CheckpointReport(manifest.Step, manifest.LastEvaluation.MeanLoss, manifest.LastEvaluation.Accuracy, File.GetLastWriteTimeUtc(path), manifest.Shards.Sum(s => s.Bytes) + manifest.LossLog.Bytes, path));
        }
        return [.. reports.OrderByDescending(r => r.Step)];
    }, []);

    /// <summary>Its metric points, from the loss log of the newest checkpoint. When they were measured is not in it.</summary>
    public Task<IReadOnlyList<MetricPoint>> PointsAsync(JobStatus end) => ReadAsync<IReadOnlyList<MetricPoint>>(end, checkpoints =>
    {
        if (Manifests(checkpoints).OrderByDescending(m => m.Manifest.Step).FirstOrDefault() is not { Manifest: { } newest }) return [];
        using var log = new LossLog();
        log.Load(File.ReadAllBytes(Path.Combine(checkpoints.Folder, newest.LossLog.Name)));
        return [.. Enumerable.Range(0, (int)log.Count).Select(i => Point(log[i], i + 1, end))];
    }, []);

    private static MetricPoint Point(LossRecord record, long sequence, JobStatus end)
    {
        var evaluation = record.Kind is LossRecordKind.Evaluation;
        var step = evaluation ? record.Step : record.Step + 1;
        return new MetricPoint
        {
            Sequence = sequence, Kind = evaluation ? "evaluation" : "step", Step = step, Epoch = (double)step / Math.Max(1, end.StepsPerEpoch), Seconds = double.NaN, Loss = record.Loss,
            Accuracy = double.IsNaN(end.TestAccuracy) ? double.NaN : (double)record.Correct / Math.Max(1, record.Samples), Samples = record.Samples,
            LearningRate = evaluation ? double.NaN : record.LearningRate, GradientNorm = evaluation ? double.NaN : record.GradientNorm, ClippedNorm = evaluation ? double.NaN : record.GradientNorm * record.Coefficient,
        };
    }

    private async Task<T> ReadAsync<T>(JobStatus end, Func<CheckpointStore, T> read, T none)
    {
        if (await store.ReadAsync(StoreKind.Job, end.Job, CancellationToken.None).ConfigureAwait(false) is not { } entry) return none;
        var wanted = JobResolver.ReadDocument(JobEntry.Parse(entry).Document).Spec.Checkpoint.Path;
        var folder = JobResolver.FolderOf(options.Value, end.Job, wanted);
        return Directory.Exists(folder) ? await Task.Run(() => read(new CheckpointStore(new DiskFileSystem(), folder))).ConfigureAwait(false) : none;
    }

    private static IEnumerable<(string Name, ManifestFile Manifest)> Manifests(CheckpointStore checkpoints)
    {
        foreach (var name in checkpoints.Manifests())
        {
            ManifestFile? manifest = null;
            try
            {
                manifest = checkpoints.ReadManifest(name);
            }
            catch (Exception damaged) when (damaged is IOException or InvalidDataException)
            {
                // Damaged, or pruned while it was read: none to go back to.
            }
            if (manifest is not null) yield return (name, manifest);
        }
    }
}
