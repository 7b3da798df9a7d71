using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Training;

/// <summary>How jobs train in this process.</summary>
public sealed record EmbeddedTrainingOptions
{
    /// <summary>Checkpoints of a job go to Folder/&lt;id&gt;/checkpoints, or beneath Folder where its spec says; empty = none are written unless a spec names a folder, beneath the current one.</summary>
    public string Folder { get; init; } = "";

    /// <summary>Data paths of submitted specs begin here and stay in it.</summary>
    public string DataFolder { get; init; } = ".";

    /// <summary>Jobs that train at the same time; others wait in order.</summary>
    public int AtOnce { get; init; } = 1;

    /// <summary>Jobs that may wait or train at the same time.</summary>
    public int MostOpen { get; init; } = 64;

    /// <summary>How worker processes are started, for specs that ask for some.</summary>
    public WorkerLaunch? WorkerLaunch { get; init; }
}

/// <summary>A training cluster within this process: the jobs that were given to it, one after another on <see cref="EmbeddedCluster"/>, and runs that somebody else drives (<see cref="Adopt"/>).</summary>
public sealed class EmbeddedTraining(EmbeddedTrainingOptions options, TimeProvider? time = null) : ITrainingCluster, IAsyncDisposable
{
    // Ended jobs are kept to be looked at, up to so many.
    private const int MostEnded = 256;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly List<EmbeddedJob> _jobs = [];
    private readonly Dictionary<string, (JobSubmission Submission, Task<EmbeddedJob> Job)> _submissions = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _places = new(Math.Max(1, options.AtOnce));
    private readonly CancellationTokenSource _closing = new();
    private readonly List<Task> _running = [];

    /// <summary>A run that the caller drives: it adds records to the job's history, and tells when it begins and ends.</summary>
    /// <param name="stop">Asks the run to stop at a checkpoint.</param>
    public EmbeddedJob Adopt(PlannedJob plan, RunOptions run, Action stop)
    {
        var job = new EmbeddedJob(NewId(plan.Spec.Name), plan, run, _time, stop);
        lock (_gate) _jobs.Add(job);
        return job;
    }

    public async Task<JobStatus> SubmitAsync(JobSubmission submission, CancellationToken cancellation = default)
    {
        Task<EmbeddedJob> job;
        lock (_gate)
        {
            if (_closing.IsCancellationRequested) throw new ClusterException(ClusterError.Unreachable, "the server stops. Submit to another.");
            if (_submissions.TryGetValue(submission.Id, out var earlier))
            {
                if (earlier.Submission.Spec != submission.Spec || !earlier.Submission.Overrides.SequenceEqual(submission.Overrides))
                    throw new ClusterException(ClusterError.Conflict, $"id is \"{submission.Id}\", under which another spec was submitted. Choose another id, or leave it out.");
                job = earlier.Job;
            }
            else
            {
                if (_jobs.Count(j => !j.Ended.IsCompleted) >= options.MostOpen) throw new ClusterException(ClusterError.Conflict, $"{options.MostOpen} jobs wait or train already. Wait for some to end, or stop some.");
                job = Task.Run(() => Accept(submission), CancellationToken.None);
                _submissions[submission.Id] = (submission, job);
            }
        }
        try
        {
            return (await job.WaitAsync(cancellation).ConfigureAwait(false)).Status;
        }
        catch (ClusterException)
        {
            // A spec that was refused is no job: its id may be used for a better one.
            lock (_gate)
                if (_submissions.TryGetValue(submission.Id, out var refused) && refused.Job == job) _submissions.Remove(submission.Id);
            throw;
        }
    }

    public Task<IReadOnlyList<JobStatus>> ListAsync(CancellationToken cancellation = default)
    {
        lock (_gate) return Task.FromResult<IReadOnlyList<JobStatus>>([.. Enumerable.Reverse(_jobs).Select(j => j.Status)]);
    }

    public Task<JobStatus> GetAsync(string job, CancellationToken cancellation = default) => Ask(job, j => j.Status);

    public Task<string> SpecAsync(string job, CancellationToken cancellation = default) => Ask(job, j => SpecWriter.ToYaml(j.Plan.Spec));

    public async IAsyncEnumerable<TrainingEvent> EventsAsync(string job, long after = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var happened in Find(job).History.EventsAsync(after, cancellation).ConfigureAwait(false)) yield return happened;
    }

    public async IAsyncEnumerable<MetricPoint> MetricsAsync(string job, long after = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var point in Find(job).History.MetricsAsync(after, cancellation).ConfigureAwait(false)) yield return point;
    }

    public Task<JobStatus> StopAsync(string job, string commandId, CancellationToken cancellation = default) => Ask(job, j => j.Stop());

    public Task<IReadOnlyList<WaitReport>> WhyAsync(string job, CancellationToken cancellation = default) => Ask(job, j => j.Waits());

    public Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(string job, CancellationToken cancellation = default) => Ask(job, j => j.Checkpoints());

    public Task<JobMembers> MembersAsync(string job, CancellationToken cancellation = default) => Ask(job, j => j.Members());

    public Task<Verdict> DiagnoseAsync(string job, CancellationToken cancellation = default) => Ask(job, j => j.Diagnose());

    /// <summary>Stops the jobs it runs, each at a checkpoint, and waits for them.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_gate)
        {
            _closing.Cancel();
            running = [.. _running];
        }
        await Task.WhenAll(running).ConfigureAwait(false);
        _closing.Dispose();
        _places.Dispose();
    }

    private EmbeddedJob Accept(JobSubmission submission)
    {
        PlannedJob plan;
        try
        {
            var overrides = submission.Overrides.Select(SpecOverride.Parse).ToArray();
            var file = Read(submission, overrides);
            var path = DataRoot.Resolve(file, options.DataFolder);
            // Asked for its spec, it shows the one that was submitted.
            plan = JobPlanner.Plan(path.Length > 0 ? Read(submission, [.. overrides, DataRoot.At(path)]) : file) with { File = file };
        }
        catch (SpecException wrong)
        {
            throw new ClusterException(ClusterError.Invalid, [.. wrong.Problems.Select(p => p.ToString())], wrong);
        }
        if (plan.Options.Processes > 0 && options.WorkerLaunch is null) throw new ClusterException(ClusterError.Invalid, $"spec.cluster.processes is {plan.Options.Processes}. This server runs worker threads only; set it to 0.");
        var stop = new CancellationTokenSource();
        var id = NewId(plan.Spec.Name);
        var folder = plan.Options.CheckpointFolder.Length > 0 ? Path.Combine(options.Folder, plan.Options.CheckpointFolder) : options.Folder.Length > 0 ? Path.Combine(options.Folder, id, "checkpoints") : "";
        var job = new EmbeddedJob(id, plan, plan.Options with { CheckpointFolder = folder, WorkerLaunch = plan.Options.Processes > 0 ? options.WorkerLaunch : null }, _time, stop.Cancel);
        lock (_gate)
        {
            _jobs.Add(job);
            foreach (var old in _jobs.Where(j => j.Ended.IsCompleted).Take(_jobs.Count(j => j.Ended.IsCompleted) - MostEnded).ToArray()) _jobs.Remove(old);
            _running.RemoveAll(r => r.IsCompleted);
            _running.Add(TrainAsync(job, job.Plan.Options with { CheckpointFolder = folder, WorkerLaunch = plan.Options.Processes > 0 ? options.WorkerLaunch : null }, stop));
        }
        return job;
    }

    private static JobFile Read(JobSubmission submission, SpecOverride[] overrides) =>
        JobFile.Parse(Encoding.UTF8.GetBytes(submission.Spec), "the submitted spec", submission.Spec.TrimStart().StartsWith('{'), overrides);

    private async Task TrainAsync(EmbeddedJob job, RunOptions run, CancellationTokenSource stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, _closing.Token);
        var placed = false;
        try
        {
            await _places.WaitAsync(ending.Token).ConfigureAwait(false);
            placed = true;
            var feed = new RunFeed(1 << 16);
            using var cluster = new EmbeddedCluster(job.Plan.Job, run, feed);
            job.Begin(cluster, run);
            var following = FollowAsync(feed, job.History);
            var result = await cluster.RunAsync(ending.Token).ConfigureAwait(false);
            await following.ConfigureAwait(false);
            job.End(result);
        }
        catch (OperationCanceledException) when (!placed)
        {
            job.End(JobStates.Stopped, "it was stopped before it had begun", null);
        }
        catch (Exception failure)
        {
            job.End(JobStates.Failed, failure.Message, null);
        }
        finally
        {
            if (placed) _places.Release();
        }
    }

    private static async Task FollowAsync(RunFeed feed, RunHistory history)
    {
        await foreach (var record in feed.InBatchesAsync().ConfigureAwait(false)) history.Add(record);
    }

    private Task<T> Ask<T>(string job, Func<EmbeddedJob, T> answer)
    {
        try
        {
            return Task.FromResult(answer(Find(job)));
        }
        catch (ClusterException refused)
        {
            return Task.FromException<T>(refused);
        }
    }

    private EmbeddedJob Find(string id)
    {
        lock (_gate)
            return _jobs.Find(j => j.Id == id) ?? throw new ClusterException(ClusterError.NotFound, _jobs.Count == 0 ? $"there is no job {id}, and no other." : $"there is no job {id}. There {(_jobs.Count == 1 ? "is" : "are")} {string.Join(", ", Enumerable.Reverse(_jobs).Take(5).Select(j => j.Id))}{(_jobs.Count > 5 ? ", ..." : "")}.");
    }

    private static string NewId(string name) => $"{name}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}";
}
