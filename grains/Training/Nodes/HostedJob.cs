using DistTrain.Contracts;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>How a job's scheduler ended.</summary>
/// <param name="State">Superseded: another node holds the job now, and the result says nothing.</param>
public sealed record JobOutcome(JobState State, TrainingResult Result);

/// <summary>A job whose scheduler runs on this node. It answers for the whole job: what it does not hold itself, the other nodes report twice a second.</summary>
public sealed class HostedJob
{
    private readonly TaskCompletionSource<JobOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly JobSite _site;
    private readonly NodeJobHost _host;
    private readonly StateStore _store;
    private readonly LossLog _log;
    private readonly BackgroundWork _files;
    private readonly TimeProvider _time;
    private readonly DateTimeOffset _begun;
    private IReadOnlyList<CheckpointReport> _checkpoints = [];
    private IReadOnlyList<WaitReport> _why = [];
    private TrainingResult? _result;
    private TimeSpan _endedAt = TimeSpan.MinValue;

    internal HostedJob(JobSite site, NodeJobHost host, StateStore store, LossLog log, RunFeed feed, BackgroundWork files, TimeProvider time)
    {
        (_site, _host, _store, _log, Feed, _files, _time) = (site, host, store, log, feed, files, time);
        _begun = time.GetUtcNow();
    }

    public ClusterJob Job => _site.Job;

    /// <summary>Steps, evaluations, events, warnings, phases; ends with the job. A scheduler that takes a job up first tells the steps committed before it.</summary>
    public RunFeed Feed { get; }

    /// <summary>Completes when the scheduler has ended on this node, whatever the reason; faults only where the node's own code failed.</summary>
    public Task<JobOutcome> Outcome => _outcome.Task;

    /// <summary>Of the last message that the scheduler sent; 0 before the first.</summary>
    public long Incarnation => _host.Incarnation;

    internal bool IsSuperseded => _host.State == JobState.Superseded;

    /// <summary>Since its end; zero before.</summary>
    internal TimeSpan EndedFor => _endedAt == TimeSpan.MinValue ? TimeSpan.Zero : _site.Machines.Now - _endedAt;

    /// <summary>Where the job stands; as it was at its end after that.</summary>
    public JobStatus Status()
    {
        var (progress, plan, seconds) = (_host.Progress, _site.Plan, _host.State is null ? _site.Machines.Now.TotalSeconds : _host.LastCommit.TotalSeconds);
        return new JobStatus
        {
            Job = _site.Id, Name = Job.Job.Name, State = StateName(), Reason = _host.Reason.Length > 0 || _host.State is not null ? _host.Reason : Reason(), Step = progress.Steps, TotalSteps = plan.TotalSteps, StepsPerEpoch = plan.StepsPerEpoch,
            TrainLoss = progress.TrainLoss, TestLoss = progress.TestLoss, TestAccuracy = progress.TestAccuracy, BestTestLoss = progress.BestTestLoss, BestTestLossStep = progress.BestTestLossStep,
            SamplesPerSecond = _host.SamplesPerSecond, Workers = Members().Workers.Count, Shards = plan.Shards.Length, MicroBatches = plan.MicroBatches, Incarnation = Incarnation,
            Submitted = _begun, Seconds = seconds, WeightsSha256 = _result?.WeightsSha256 ?? "", StateSha256 = _result?.StateSha256 ?? "", LossLogSha256 = _result?.LossLogSha256 ?? "", Checkpoint = _store.Newest,
        };
    }

    /// <summary>Every wait of the job now, the one that holds it up first.</summary>
    public IReadOnlyList<WaitReport> Why()
    {
        if (_host.State is not null) return [];
        _host.TryLook(() => _why = _host.Job.WaitReports(_site.Machines.Now));
        var others = _site.OwnReport().Waits.Concat(_site.Reports.SelectMany(r => r.Report.Waits.Select(w => Older(w, _site.Machines.Now - r.At))));
        return [.. _why, .. others.OrderByDescending(w => w.Seconds)];
    }

    /// <summary>Who takes part: shards as they are placed now, what workers and seats do as their nodes last said.</summary>
    public JobMembers Members()
    {
        var reports = _site.Reports.Select(static r => r.Report).Append(_site.OwnReport()).ToList();
        var seats = reports.SelectMany(static r => r.Seats).ToLookup(static s => s.Seat);
        var shards = _host.Placement.Shards.Select((placed, shard) =>
        {
            var primary = seats[placed.Primary].FirstOrDefault();
            return new ShardReport(shard, _site.NodeOf(placed.Primary), placed.HasReplica ? _site.NodeOf(placed.Replica) : "", primary?.Version ?? -1, _site.LengthOf(shard));
        });
        return new JobMembers([.. reports.SelectMany(static r => r.Workers).OrderBy(static w => w.Number)], [.. shards]);
    }

    /// <summary>Published checkpoints, newest first.</summary>
    public IReadOnlyList<CheckpointReport> Checkpoints() => _checkpoints = _store.Published(_time);

    /// <summary>Gives a command; completes with the control as it was recorded (its step is set). A repeat with the same id changes nothing.</summary>
    /// <exception cref="ArgumentException">The command cannot be.</exception>
    /// <exception cref="InvalidOperationException">The job has ended here.</exception>
    public Task<Control> ControlAsync(Control control, CancellationToken cancellation = default)
    {
        if (control.Kind == ControlKind.ScaleLearningRate) throw new ArgumentException("the learning rate is scaled by rollbacks alone. Set it instead.", nameof(control));
        var number = control.Kind is ControlKind.SetLearningRate or ControlKind.SetClipNorm;
        if (number && !(control.Value >= 0 && double.IsFinite(control.Value)) && !(control.Kind == ControlKind.SetLearningRate && double.IsNaN(control.Value)))
            throw new ArgumentException($"{control.Kind} is {control.Value}. It must be finite and 0 or more.", nameof(control));
        if (_host.State is { } state) throw new InvalidOperationException($"the job has ended: {state}.");
        return _host.Command(control).WaitAsync(cancellation);
    }

    /// <summary>Finish the step, save, end.</summary>
    public Task<Control> StopAsync(string commandId, CancellationToken cancellation = default) => ControlAsync(new Control(commandId, ControlKind.Stop, 0), cancellation);

    /// <summary>The scheduler has ended; what it leaves is read once more before anybody is told.</summary>
    internal void Ended(JobHost job)
    {
        _endedAt = _site.Machines.Now;
        _files.Do(() =>
        {
            var state = job.State ?? JobState.Failed;
            try
            {
                _result = state == JobState.Superseded ? Superseded() : ResultOf(state);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                _result = Describe(TrainingStatus.Failed, $"the last checkpoint cannot be read: {e.Message}", null);
            }
            _host.FailCommands($"the job has ended: {state}.");
            _checkpoints = _store.Published(_time);
            Feed.Complete();
            _outcome.TrySetResult(new JobOutcome(state, _result));
        });
    }

    /// <summary>The node forgets the job.</summary>
    internal void Abandon()
    {
        _host.FailCommands("the node has dropped the job.");
        _outcome.TrySetResult(new JobOutcome(JobState.Superseded, Superseded()));
    }

    internal void Fail(Exception failure)
    {
        _host.FailCommands("the node failed.");
        _outcome.TrySetException(failure);
    }

    private TrainingResult ResultOf(JobState state)
    {
        if (state == JobState.Failed) return Describe(TrainingStatus.Failed, _host.Reason, null);
        // What was saved last is where the shards stand: the hashes are of what can be restored.
        var last = _store.Load(_host.Job.Register!.Checkpoint);
        var status = state == JobState.Succeeded ? TrainingStatus.Completed : TrainingStatus.Interrupted;
        return Describe(status, status == TrainingStatus.Completed || _host.Reason.Length == 0 ? null : _host.Reason, last);
    }

    private TrainingResult Describe(TrainingStatus status, string? error, RestoredCheckpoint? last)
    {
        var (job, evaluation, steps) = (Job.Job, _log.LastEvaluation, _host.Steps);
        return new TrainingResult
        {
            Status = status, Error = error, Steps = steps, StepsThisRun = _host.StepsThisRun, Epochs = (int)(steps / job.StepsPerEpoch), Seconds = _site.Machines.Now.TotalSeconds,
            SamplesPerSecond = _host.SamplesPerSecond, TrainLoss = TrainLoss.OfLastEpoch(_log, job.StepsPerEpoch),
            TestLoss = evaluation?.Loss ?? double.NaN, TestAccuracy = evaluation is { } e ? (double)e.Correct / e.Samples : double.NaN,
            WeightsSha256 = last is null ? "" : VectorHash.OfWeights(job.Layout, last.Vectors.AsSpan(0, job.Layout.Length)), StateSha256 = last is null ? "" : VectorHash.OfState(job.Layout, last.Vectors.AsSpan(job.Layout.Length)),
            LossLogSha256 = last is null ? "" : _log.Sha256(), Workers = Members().Workers.Count, Shards = _site.Plan.Shards.Length, MicroBatches = job.MicroBatches, Checkpoint = _store.Newest, Warnings = _site.Machines.Warnings,
        };
    }

    private TrainingResult Superseded() => new() { Status = TrainingStatus.Interrupted, Error = _host.Reason.Length > 0 ? _host.Reason : "the scheduler left this node", Steps = _host.Steps, StepsThisRun = _host.StepsThisRun, Shards = _site.Plan.Shards.Length, MicroBatches = Job.Job.MicroBatches };

    private string Reason() => Why() is [var first, ..] ? first.Text : "";

    private string StateName() => _host.State switch
    {
        null => JobStates.Running,
        JobState.Succeeded => JobStates.Succeeded,
        JobState.Stopped => JobStates.Stopped,
        JobState.Paused => JobStates.Paused,
        JobState.Superseded => JobStates.Running,
        _ => JobStates.Failed,
    };

    private static WaitReport Older(WaitReport wait, TimeSpan age) => wait with { Seconds = wait.Seconds + age.TotalSeconds, DeadlineSeconds = Math.Max(0, wait.DeadlineSeconds - age.TotalSeconds) };
}
