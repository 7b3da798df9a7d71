using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>Jobs that outlive the process.</summary>
public sealed partial class EmbeddedTraining
{
    // A job that ends its process at the same step again and again would let no other one train.
    private const int MostVainStarts = 5;

    private readonly Dictionary<string, (JobFolder Disk, JobRecord Record)> _kept = new(StringComparer.Ordinal);
    private JobShelf? _shelf;

    /// <summary>
    /// A cluster whose jobs are kept in <see cref="EmbeddedTrainingOptions.Folder"/>: spec, state, result, every point and event. Those that a process before it left there are listed again under
    /// their ids, and the ones that had not ended go on from their newest checkpoint, to the same bits.
    /// </summary>
    /// <exception cref="IOException">Another server keeps its jobs in the folder, or it cannot be written.</exception>
    public static (EmbeddedTraining Training, KeptJobs Kept) Open(EmbeddedTrainingOptions options, TimeProvider? time = null)
    {
        var training = new EmbeddedTraining(options, time) { _shelf = new JobShelf(options.Folder) };
        return (training, training.TakeUp());
    }

    private KeptJobs TakeUp()
    {
        var (jobs, problems) = _shelf!.Read();
        var (goOn, ended) = (new List<string>(), jobs.Where(j => HadEnded(j.Record)).TakeLast(MostEnded).Select(j => j.Record.Status.Job).ToHashSet(StringComparer.Ordinal));
        foreach (var (disk, record) in jobs)
        {
            var status = record.Status;
            IListedJob? job = null;
            if (!HadEnded(record))
            {
                try
                {
                    job = Begin(status.Job, Plan(record.Submission), record.Submission, record);
                    goOn.Add(status.Job);
                }
                catch (ClusterException refused)
                {
                    job = End(disk, record, JobStates.Failed, $"it cannot go on after a restart of the server: {refused.Message}");
                }
            }
            else if (status.State == JobStates.Stopping) job = End(disk, record, JobStates.Stopped, "it was asked to stop, and the server ended before it had");
            else if (ended.Contains(status.Job)) job = new EndedJob(With(record, status), disk, _time);
            if (job is null) continue;
            lock (_gate)
            {
                if (job is EndedJob) _jobs.Add(job);
                _submissions[record.Submission.Id] = (record.Submission, Task.FromResult(job));
            }
        }
        return new KeptJobs(goOn, ended.Count, problems);
    }

    private static bool HadEnded(JobRecord record) => JobStates.IsEnd(record.Status.State) || record.Status.State == JobStates.Stopping;

    private EndedJob End(JobFolder disk, JobRecord record, string state, string reason)
    {
        record = record with { Status = record.Status with { State = state, Reason = reason } };
        Write(disk, record);
        return new EndedJob(With(record, record.Status), disk, _time);
    }

    // Checkpoint folders are kept as they lie beneath the server's own, which may have moved.
    private JobRecord With(JobRecord record, JobStatus status) => record with { Status = status, CheckpointFolder = record.CheckpointFolder.Length > 0 ? Path.Combine(options.Folder, record.CheckpointFolder) : "" };

    private JobRecord RecordOf(EmbeddedJob job, JobSubmission submission) => new(submission, job.Status, job.Spec, job.Plan.Job.Identity,
        job.Options.CheckpointFolder.Length > 0 ? Path.GetRelativePath(options.Folder, job.Options.CheckpointFolder) : "", RunShape.Of(job.Plan.Job), 0, -1);

    /// <exception cref="ClusterException">The disk refuses, so that the job would be forgotten.</exception>
    private void Keep(EmbeddedJob job, JobFolder disk, JobRecord record)
    {
        try
        {
            disk.Write(record);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new ClusterException(ClusterError.Unreachable, $"the server cannot keep the job: {refused.Message} See to its folder, then submit again.", refused);
        }
        lock (_gate) _kept[job.Id] = (disk, record);
    }

    /// <summary>How a job stands now goes to the disk; a disk that refuses is an event of the job, and no end of it.</summary>
    /// <param name="rested">Nothing went wrong: the starts so far were not in vain.</param>
    private void Keep(IListedJob job, bool rested = false)
    {
        lock (_gate)
        {
            if (!_kept.TryGetValue(job.Id, out var kept)) return;
            var record = kept.Record with { Status = job.Status };
            if (rested) record = record with { Starts = 0 };
            _kept[job.Id] = (kept.Disk, record);
            if (Write(kept.Disk, record) is { } problem && !job.HasEnded) job.History.Tell("warning", "warning", job.Status.Step, problem);
        }
    }

    private static string? Write(JobFolder disk, JobRecord record)
    {
        try
        {
            disk.Write(record);
            return null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return $"how the job stands was not kept: {refused.Message}";
        }
    }

    private static async Task WriteAsync(JobFolder disk, EmbeddedJob job, CancellationToken enough)
    {
        try
        {
            await disk.FollowAsync(job.History, enough).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            if (!job.HasEnded) job.History.Tell("warning", "warning", job.Status.Step, $"points and events are not kept any more: {refused.Message}");
        }
    }

    // Counted before it trains, so that a start which ends the process counts too.
    private string? StartsInVain(EmbeddedJob job)
    {
        lock (_gate)
        {
            if (!_kept.TryGetValue(job.Id, out var kept)) return null;
            var step = job.History.LastStep;
            var starts = step > kept.Record.StartedAt ? 1 : kept.Record.Starts + 1;
            if (starts > MostVainStarts) return $"the server ended {MostVainStarts} times while it trained and had not come further than step {step}. See what ended it (memory?), then submit it again.";
            _kept[job.Id] = (kept.Disk, kept.Record with { Starts = starts, StartedAt = step });
            return null;
        }
    }

    private void Forget(IListedJob job)
    {
        _jobs.Remove(job);
        _kept.Remove(job.Id);
    }
}
