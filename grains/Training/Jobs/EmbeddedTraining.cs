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

/// <summary>What a server found of earlier ones.</summary>
/// <param name="GoOn">Jobs that had not ended, in the order they were submitted.</param>
/// <param name="Ended">Jobs that are listed as they ended.</param>
/// <param name="Problems">What could not be read.</param>
public sealed record KeptJobs(IReadOnlyList<string> GoOn, int Ended, IReadOnlyList<string> Problems);

/// <summary>A training cluster within this process: the jobs that were given to it, one after another on <see cref="EmbeddedCluster"/>, and runs that somebody else drives (<see cref="Adopt"/>).</summary>
/// <remarks>With <see cref="Open"/> the folder keeps the jobs: they are there again in the next process, and those that had not ended go on.</remarks>
public sealed partial class EmbeddedTraining(EmbeddedTrainingOptions options, TimeProvider? time = null) : ITrainingCluster, IAsyncDisposable
{
    // Ended jobs are kept to be looked at, up to so many.
    private const int MostEnded = 256;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly List<IListedJob> _jobs = [];
    private readonly Dictionary<string, (JobSubmission Submission, Task<IListedJob> Job)> _submissions = new(StringComparer.Ordinal);
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
        Task<IListedJob> job;
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
                if (_jobs.Count(j => !j.HasEnded) >= options.MostOpen) throw new ClusterException(ClusterError.Conflict, $"{options.MostOpen} jobs wait or train already. Wait for some to end, or stop some.");
                job = Task.Run<IListedJob>(() => Accept(submission), CancellationToken.None);
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

    public Task<string> SpecAsync(string job, CancellationToken cancellation = default) => Ask(job, j => j.Spec);

    public async IAsyncEnumerable<TrainingEvent> EventsAsync(string job, long after = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var happened in Find(job).History.EventsAsync(after, cancellation).ConfigureAwait(false)) yield return happened;
    }

    public async IAsyncEnumerable<MetricPoint> MetricsAsync(string job, long after = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var point in Find(job).History.MetricsAsync(after, cancellation).ConfigureAwait(false)) yield return point;
    }

    public Task<JobStatus> StopAsync(string job, string commandId, CancellationToken cancellation = default) => Ask(job, j =>
    {
        var status = j.Stop();
        Keep(j);
        return status;
    });

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
        _shelf?.Dispose();
    }

    private EmbeddedJob Accept(JobSubmission submission)
    {
        var plan = Plan(submission);
        return Begin(NewId(plan.Spec.Name), plan, submission, kept: null);
    }

    private PlannedJob Plan(JobSubmission submission)
    {
        PlannedJob plan;
        try
        {
            var overrides = submission.Overrides.Select(SpecOverride.Parse).ToArray();
            var file = Read(submission, overrides);
            var places = DataRoot.Place(file, options.DataFolder);
            // Asked for its spec, it shows the one that was submitted.
            plan = JobPlanner.Plan(places.Count > 0 ? Read(submission, [.. overrides, .. places]) : file) with { File = file };
        }
        catch (SpecException wrong)
        {
            throw new ClusterException(ClusterError.Invalid, [.. wrong.Problems.Select(p => p.ToString())], wrong);
        }
        if (plan.Options.Processes > 0 && options.WorkerLaunch is null) throw new ClusterException(ClusterError.Invalid, $"spec.cluster.processes is {plan.Options.Processes}. This server runs worker threads only; set it to 0.");
        return plan;
    }

    /// <param name="kept">What an earlier process kept of the job; null for a new one.</param>
    private EmbeddedJob Begin(string id, PlannedJob plan, JobSubmission submission, JobRecord? kept)
    {
        var stop = new CancellationTokenSource();
        var folder = plan.Options.CheckpointFolder.Length > 0 ? Path.Combine(options.Folder, plan.Options.CheckpointFolder, id) : options.Folder.Length > 0 ? Path.Combine(options.Folder, id, "checkpoints") : "";
        var run = plan.Options with { CheckpointFolder = folder, WorkerLaunch = plan.Options.Processes > 0 ? options.WorkerLaunch : null, Resume = kept is not null && new JobCheckpoints(folder, plan.Job.Identity).List().Count > 0 };
        var job = new EmbeddedJob(id, plan, run, _time, stop.Cancel, kept?.Status.Submitted);
        var disk = _shelf?.Of(id);
        if (disk is not null)
        {
            if (kept is not null)
            {
                disk.Load(job.History);
                job.History.Tell("resumed", "info", job.History.LastStep, run.Resume ? "the server was started again; the job goes on from its newest checkpoint" : "the server was started again; the job had no checkpoint, and begins anew");
            }
            Keep(job, disk, kept ?? RecordOf(job, submission));
        }
        lock (_gate)
        {
            _jobs.Add(job);
            foreach (var old in _jobs.Where(j => j.HasEnded).Take(_jobs.Count(j => j.HasEnded) - MostEnded).ToArray()) Forget(old);
            _running.RemoveAll(r => r.IsCompleted);
            _running.Add(TrainAsync(job, run, stop, disk));
        }
        return job;
    }

    private static JobFile Read(JobSubmission submission, SpecOverride[] overrides) =>
        JobFile.Parse(Encoding.UTF8.GetBytes(submission.Spec), "the submitted spec", submission.Spec.TrimStart().StartsWith('{'), overrides);

    private async Task TrainAsync(EmbeddedJob job, RunOptions run, CancellationTokenSource stop, JobFolder? disk)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, _closing.Token);
        using var told = new CancellationTokenSource();
        var writing = disk is null ? Task.CompletedTask : WriteAsync(disk, job, told.Token);
        var placed = false;
        try
        {
            await _places.WaitAsync(ending.Token).ConfigureAwait(false);
            placed = true;
            if (StartsInVain(job) is { } why)
            {
                job.End(JobStates.Failed, why, null);
                return;
            }
            var feed = new RunFeed(1 << 16);
            using var cluster = new EmbeddedCluster(job.Plan.Job, run, feed);
            job.Begin(cluster, run);
            Keep(job);
            var following = FollowAsync(feed, job);
            var result = await cluster.RunAsync(ending.Token).ConfigureAwait(false);
            await following.ConfigureAwait(false);
            Fill(job, result.Steps);
            if (result.Status == TrainingStatus.Interrupted && GoesOn(stop)) job.Rest();
            else job.End(result);
        }
        catch (OperationCanceledException) when (!placed && GoesOn(stop))
        {
            // It waits for its place in the next process.
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
            await told.CancelAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(false);
            Keep(job, rested: !job.HasEnded);
            if (placed) _places.Release();
        }
    }

    // The server stops, the job does not: nobody asked it to.
    private bool GoesOn(CancellationTokenSource stop) => _shelf is not null && !stop.IsCancellationRequested;

    private static async Task FollowAsync(RunFeed feed, EmbeddedJob job)
    {
        var begun = false;
        await foreach (var record in feed.InBatchesAsync().ConfigureAwait(false))
        {
            if (!begun && record.Kind is RunRecordKind.Step or RunRecordKind.Evaluation)
            {
                begun = true;
                if (record.Kind is RunRecordKind.Step) Fill(job, record.Step - 1);
            }
            job.History.Add(record);
        }
    }

    // Committed before a crash, and not told to the disk by then.
    private static void Fill(EmbeddedJob job, long committed)
    {
        if (committed <= job.History.LastStep) return;
        using var log = job.CommittedAt(committed);
        if (log is not null) job.History.Restore(log);
    }

    private Task<T> Ask<T>(string job, Func<IListedJob, T> answer)
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

    private IListedJob Find(string id)
    {
        lock (_gate)
            return _jobs.Find(j => j.Id == id) ?? throw new ClusterException(ClusterError.NotFound, _jobs.Count == 0 ? $"there is no job {id}, and no other." : $"there is no job {id}. There {(_jobs.Count == 1 ? "is" : "are")} {string.Join(", ", Enumerable.Reverse(_jobs).Take(5).Select(j => j.Id))}{(_jobs.Count > 5 ? ", ..." : "")}.");
    }

    private static string NewId(string name) => $"{name}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}";
}
