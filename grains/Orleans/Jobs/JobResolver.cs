using System.Collections.Concurrent;
using System.Text;
using DistTrain.Contracts;
using DistTrain.Training;
using DistTrain.Training.Specs;
using DistTrain.Learning;

namespace DistTrain.Grains;

/// <summary>Turns an accepted spec into the job that this silo's machines run: names to components, data to samples. On a thread of its own, once for each job.</summary>
internal sealed class JobResolver(SiloNode silo)
{
    private const string KeptJobs = "jobs";
    private static readonly string[] _kept = [KeptJobs, "store"];
    private readonly ConcurrentDictionary<string, Lazy<Task<ClusterJob>>> _jobs = new(StringComparer.Ordinal);

    /// <exception cref="SpecException">The spec does not fit the data, the data is not here, ...</exception>
    public async Task<ClusterJob> ResolveAsync(string job, string document)
    {
        var resolving = _jobs.GetOrAdd(job, _ => new Lazy<Task<ClusterJob>>(() => OnOwnThread(() => Resolve(job, document))));
        try
        {
            return await resolving.Value.ConfigureAwait(false);
        }
        catch
        {
            // What was missing may be there the next time.
            _jobs.TryRemove(new KeyValuePair<string, Lazy<Task<ClusterJob>>>(job, resolving));
            throw;
        }
    }

    /// <summary>The job has ended: its data may be let go.</summary>
    public void Forget(string job) => _jobs.TryRemove(job, out _);

    /// <summary>Reads a spec as it was submitted and checks what needs no data.</summary>
    /// <exception cref="SpecException">Every problem.</exception>
    public static JobFile Read(JobSubmission submission)
    {
        var file = JobFile.Parse(Encoding.UTF8.GetBytes(submission.Spec), "the submitted spec", submission.Spec.TrimStart().StartsWith('{'), [.. submission.Overrides.Select(SpecOverride.Parse)]);
        DataRoot.CheckSubmitted(file);
        if (Kept(file.Spec.Checkpoint.Path) is { } kept) throw new SpecException([file.Problem("spec.checkpoint.path", $"is {file.Spec.Checkpoint.Path}. {kept}/ is the cluster's own. Leave it out, or name another folder such as checkpoints/{file.Spec.Name}.")]);
        return file;
    }

    /// <summary>Reads a spec as it was accepted.</summary>
    public static JobFile ReadDocument(string document, params IReadOnlyList<SpecOverride> overrides) => JobFile.Parse(Encoding.UTF8.GetBytes(document), "the spec", json: true, overrides);

    private ClusterJob Resolve(string job, string document)
    {
        var file = ReadDocument(document);
        var wanted = file.Spec.Cluster.Device;
        // Which device a worker here uses is decided below; a silo that only holds shards need not have one at all.
        var overrides = new List<SpecOverride> { SpecOverride.Parse("cluster.device=auto") };
        if (DataRoot.Resolve(file, silo.Options.DataFolder) is { Length: > 0 } path) overrides.Add(DataRoot.At(path));
        var folder = FolderOf(silo.Options, job, file.Spec.Checkpoint.Path);
        if (file.Spec.Checkpoint.Path.Length > 0 && !IsJobs(silo.Options, folder))
            throw new SpecException([file.Problem("spec.checkpoint.path", $"is {file.Spec.Checkpoint.Path}. It must stay in the silos' state folder, links followed, and out of jobs/ and store/ there. Leave it out, or name a folder such as checkpoints/{file.Spec.Name}.")]);
        var plan = JobPlanner.Plan(ReadDocument(document, overrides));
        return new ClusterJob
        {
            Id = job, Job = plan.Job, MinimumWorkers = 1,
            Options = plan.Options with
            {
                CheckpointFolder = folder, Processes = 0, Device = MemberPlacement.DeviceOn(wanted, silo.Options.Device),
                ComputeThreads = silo.Options.ComputeThreads > 0 ? silo.Options.ComputeThreads : Math.Max(1, Environment.ProcessorCount / Math.Max(1, silo.Options.Workers)),
            },
        };
    }

    /// <summary>Where a job's checkpoints are: in a folder of the job's own beneath the one that its spec names in the state folder, so that jobs with one spec keep apart.</summary>
    internal static string FolderOf(DistTrainOptions options, string job, string wanted) =>
        Path.GetFullPath(wanted.Length > 0 ? Path.Combine(options.StateFolder, wanted, job) : Path.Combine(options.StateFolder, KeptJobs, job, "checkpoints"));

    private static bool IsJobs(DistTrainOptions options, string folder) =>
        DataRoot.Holds(options.StateFolder, folder) && !_kept.Any(kept => DataRoot.Holds(Path.Combine(options.StateFolder, kept), folder));

    // Which of the cluster's own folders a path begins in, as it is written: "a/../store" too.
    private static string? Kept(string path)
    {
        if (path.Length == 0) return null;
        var root = Path.GetPathRoot(Path.GetFullPath("."))!;
        var first = Path.GetRelativePath(root, Path.GetFullPath(path, root)).Split(Path.DirectorySeparatorChar)[0];
        return _kept.FirstOrDefault(kept => string.Equals(kept, first, StringComparison.OrdinalIgnoreCase));
    }

    private static Task<T> OnOwnThread<T>(Func<T> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
