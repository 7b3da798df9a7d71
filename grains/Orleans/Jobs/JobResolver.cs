using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using DistTrain.Contracts;
using DistTrain.Training;
using DistTrain.Training.Specs;
using DistTrain.Learning;

namespace DistTrain.Grains;

/// <summary>
/// Turns a spec into the job that this silo's machines run: names to components, data to samples. On a thread of its own, once for each job and document: two specs that were sent under one
/// id are two jobs here, of which the store keeps one.
/// </summary>
internal sealed class JobResolver(SiloNode silo, TimeProvider time)
{
    private const string KeptJobs = "jobs";
    private static readonly string[] _kept = [KeptJobs, "store"];
    // Between the check of a spec and its start: the data is not read twice.
    private static readonly TimeSpan _keepUnused = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<(string Job, string Sha256), Resolved> _jobs = new();

    private sealed class Resolved(Func<Task<ClusterJob>> resolve)
    {
        public Lazy<Task<ClusterJob>> Job { get; } = new(resolve);
        public bool Used { get; set; }
    }

    /// <summary>How many jobs it holds, with their data.</summary>
    public int Count => _jobs.Count;

    /// <summary>Resolves an accepted job, to run it here; held until it is forgotten.</summary>
    /// <exception cref="SpecException">The spec does not fit the data, the data is not here, ...</exception>
    public async Task<ClusterJob> ResolveAsync(string job, string document) => (await GetAsync(job, document, used: true).ConfigureAwait(false)).Job;

    /// <summary>Resolves what was sent and is accepted perhaps: held for a minute only, unless it comes to run here.</summary>
    /// <exception cref="SpecException">As <see cref="ResolveAsync"/>.</exception>
    public async Task CheckAsync(string job, string document)
    {
        var (_, key, resolved) = await GetAsync(job, document, used: false).ConfigureAwait(false);
        _ = LetGoAsync();

        async Task LetGoAsync()
        {
            await Task.Delay(_keepUnused, time).ConfigureAwait(false);
            if (!resolved.Used) _jobs.TryRemove(new KeyValuePair<(string, string), Resolved>(key, resolved));
        }
    }

    /// <summary>The job has ended, or does not run here: its data may be let go.</summary>
    public void Forget(string job)
    {
        foreach (var known in _jobs)
            if (known.Key.Job == job) _jobs.TryRemove(known);
    }

    private async Task<(ClusterJob Job, (string, string) Key, Resolved Resolved)> GetAsync(string job, string document, bool used)
    {
        var key = (job, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(document))));
        var resolved = _jobs.GetOrAdd(key, _ => new Resolved(() => OnOwnThread(() => Resolve(job, document))));
        if (used) resolved.Used = true;
        try
        {
            return (await resolved.Job.Value.ConfigureAwait(false), key, resolved);
        }
        catch
        {
            // What was missing may be there the next time.
            _jobs.TryRemove(new KeyValuePair<(string, string), Resolved>(key, resolved));
            throw;
        }
    }

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
        overrides.AddRange(DataRoot.Place(file, silo.Options.DataFolder));
        var folder = FolderOf(silo.Options, job, file.Spec.Checkpoint.Path);
        if (file.Spec.Checkpoint.Path.Length > 0 && !IsJobs(silo.Options, folder))
            throw new SpecException([file.Problem("spec.checkpoint.path", $"is {file.Spec.Checkpoint.Path}. It must stay in the silos' state folder, links followed, and out of jobs/ and store/ there. Leave it out, or name a folder such as checkpoints/{file.Spec.Name}.")]);
        var plan = JobPlanner.Plan(ReadDocument(document, overrides));
        return new ClusterJob
        {
            Id = job, Job = plan.Job, MinimumWorkers = 1,
            Options = plan.Options with
            {
                CheckpointFolder = folder, Processes = 0, Device = MemberPlacement.DeviceOn(wanted, silo.Options.DeviceHere),
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
