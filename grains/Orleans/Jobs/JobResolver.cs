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
    public static JobFile Read(JobSubmission submission) => JobFile.Parse(Encoding.UTF8.GetBytes(submission.Spec), "the submitted spec",
        submission.Spec.TrimStart().StartsWith('{'), [.. submission.Overrides.Select(SpecOverride.Parse)]);

    private ClusterJob Resolve(string job, string document)
    {
        var bytes = Encoding.UTF8.GetBytes(document);
        var file = JobFile.Parse(bytes, "the spec", json: true);
        var wanted = file.Spec.Cluster.Device;
        // Which device a worker here uses is decided below; a silo that only holds shards need not have one at all.
        var overrides = new List<SpecOverride> { SpecOverride.Parse("cluster.device=auto") };
        if (file.Spec.Data.Path is { Length: > 0 } path && !Path.IsPathRooted(path)) overrides.Add(SpecOverride.Parse($"data.path={Path.GetFullPath(Path.Combine(silo.Options.DataFolder, path))}"));
        var plan = JobPlanner.Plan(JobFile.Parse(bytes, "the spec", json: true, overrides));
        var folder = plan.Options.CheckpointFolder.Length > 0 ? Path.Combine(silo.Options.StateFolder, plan.Options.CheckpointFolder) : Path.Combine(silo.Options.StateFolder, "jobs", job, "checkpoints");
        return new ClusterJob
        {
            Id = job, Job = plan.Job, MinimumWorkers = 1,
            Options = plan.Options with
            {
                CheckpointFolder = Path.GetFullPath(folder), Processes = 0, Device = MemberPlacement.DeviceOn(wanted, silo.Options.Device),
                ComputeThreads = silo.Options.ComputeThreads > 0 ? silo.Options.ComputeThreads : Math.Max(1, Environment.ProcessorCount / Math.Max(1, silo.Options.Workers)),
            },
        };
    }

    private static Task<T> OnOwnThread<T>(Func<T> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
