using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>What a user names as a checkpoint: a run's folder, a folder of checkpoints, or one manifest.</summary>
/// <param name="Store">The folder of checkpoints.</param>
/// <param name="Manifest">The manifest that was named; null = the newest that verifies.</param>
/// <param name="JobFile">The run's job file; null where the folder is no run's.</param>
internal sealed record CheckpointPlace(CheckpointStore Store, string? Manifest, string? JobFile)
{
    /// <exception cref="CommandException">There are no checkpoints.</exception>
    public static CheckpointPlace Find(string path)
    {
        var (folder, manifest) = File.Exists(path) ? (System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, System.IO.Path.GetFileName(path)) : (path, null);
        if (!Directory.Exists(folder)) throw new CommandException(ExitCode.NotFound, $"{path} is not there. Name a run's folder (runs/NAME), its checkpoints folder, or one manifest in it.");
        var job = System.IO.Path.Combine(folder, "job.yaml") is var own && File.Exists(own) ? own
            : System.IO.Path.Combine(folder, "..", "job.yaml") is var above && File.Exists(above) ? above : null;
        if (manifest is null && Directory.Exists(System.IO.Path.Combine(folder, "checkpoints"))) folder = System.IO.Path.Combine(folder, "checkpoints");
        else if (manifest is null && job is not null && System.IO.Path.GetDirectoryName(job) == folder && DistTrain.Training.Specs.JobFile.Load(job).Spec.Checkpoint.Path is { Length: > 0 } elsewhere) folder = elsewhere;
        var store = new CheckpointStore(new DiskFileSystem(), folder);
        if (manifest is null && store.Manifests().Count == 0) throw new CommandException(ExitCode.NotFound, $"{folder} holds no checkpoints. A run writes one after each epoch and when it ends.");
        if (manifest is not null && !store.Manifests().Contains(manifest)) throw new CommandException(ExitCode.NotFound, $"{path} is no checkpoint's manifest. Name a file that ends in .manifest.json, or the folder.");
        return new CheckpointPlace(store, manifest, job);
    }

    public IReadOnlyList<string> Manifests => Manifest is null ? Store.Manifests() : [Manifest];

    /// <summary>The job that wrote it.</summary>
    /// <exception cref="CommandException">There is no job file beside it.</exception>
    public JobFile Job() => JobFile is not null
        ? DistTrain.Training.Specs.JobFile.Load(JobFile)
        : throw new CommandException(ExitCode.NotFound, $"there is no job.yaml beside {Store.Folder}. Keep checkpoints in their run's folder, which holds it.");

    /// <summary>The weights of the newest checkpoint that can be used, and its name.</summary>
    /// <exception cref="CommandException">None can.</exception>
    public (float[] Weights, string Manifest) Weights(DistTrain.Training.Specs.PlannedJob plan)
    {
        string? reason = null;
        foreach (var name in Manifests.Reverse())
        {
            try
            {
                return (Store.ReadWeights(name, plan.Job.Layout), name);
            }
            catch (Exception wrong) when (wrong is InvalidDataException or IOException)
            {
                reason ??= $"{name}: {wrong.Message}";
            }
        }
        throw new CommandException(ExitCode.JobFailed, $"no checkpoint in {Store.Folder} can be used. {reason}");
    }
}
