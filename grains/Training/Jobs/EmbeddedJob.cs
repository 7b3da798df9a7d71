using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Training;

/// <summary>A job of this process: its plan, what it has told, and how it stands.</summary>
public sealed class EmbeddedJob : IListedJob
{
    private readonly Lock _gate = new();
    private readonly JobCheckpoints _checkpoints;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DateTimeOffset _submitted;
    private readonly Action _stop;
    private EmbeddedCluster? _cluster;
    private RunOptions _options;
    private TrainingResult? _result;
    private string _state = JobStates.Queued;
    private string _reason = "";
    private string _verdict = "";

    /// <param name="stop">Asks the run to stop at a checkpoint.</param>
    /// <param name="submitted">When, where that was before now.</param>
    internal EmbeddedJob(string id, PlannedJob plan, RunOptions options, TimeProvider time, Action stop, DateTimeOffset? submitted = null)
    {
        (Id, Plan, _options, _stop, _submitted) = (id, plan, options, stop, submitted ?? time.GetUtcNow());
        _checkpoints = new JobCheckpoints(options.CheckpointFolder, plan.Job.Identity);
        History = new RunHistory(plan.Job, time);
    }

    public string Id { get; }

    public PlannedJob Plan { get; }

    /// <summary>Whoever reads the run's feed adds to it.</summary>
    public RunHistory History { get; }

    /// <summary>Completes when the job has ended.</summary>
    public Task Ended => _ended.Task;

    public bool HasEnded => _ended.Task.IsCompleted;

    public string Spec => SpecWriter.ToYaml(Plan.Spec);

    internal RunOptions Options => _options;

    internal LossLog? CommittedAt(long step) => _checkpoints.CommittedAt(step, Plan.Job);

    public JobStatus Status
    {
        get
        {
            lock (_gate)
            {
                var figures = History.Figures(Id);
                return figures with
                {
                    State = _state, Reason = _reason, Submitted = _submitted, Workers = _state is JobStates.Running or JobStates.Stopping ? _cluster?.Workers.Count ?? 0 : 0, Shards = _options.Shards, Incarnation = 1, Verdict = _verdict,
                    SamplesPerSecond = _result is { } r ? Math.Round(r.SamplesPerSecond, 1) : figures.SamplesPerSecond, Seconds = _result is { } e ? Math.Round(e.Seconds, 3) : figures.Seconds,
                    WeightsSha256 = _result?.WeightsSha256 ?? "", StateSha256 = _result?.StateSha256 ?? "", LossLogSha256 = _result?.LossLogSha256 ?? "", Checkpoint = _result?.Checkpoint ?? _checkpoints.Newest,
                };
            }
        }
    }

    /// <summary>From now on it runs on a cluster.</summary>
    public void Begin(EmbeddedCluster cluster, RunOptions options)
    {
        lock (_gate)
        {
            (_cluster, _options) = (cluster, options);
            if (_state == JobStates.Queued) _state = JobStates.Running;
        }
    }

    /// <summary>After the last record was added.</summary>
    public void End(TrainingResult result) => End(
        result.Status switch { TrainingStatus.Completed => JobStates.Succeeded, TrainingStatus.Interrupted => JobStates.Stopped, _ => JobStates.Failed }, result.Error ?? "", result);

    internal void End(string state, string reason, TrainingResult? result)
    {
        lock (_gate)
        {
            if (JobStates.IsEnd(_state)) return;
            (_state, _reason, _result, _cluster) = (state, reason, result, null);
        }
        Diagnose();
        var text = result is null ? $"the job has {state}" : string.Create(CultureInfo.InvariantCulture, $"the job has {state} after step {result.Steps:N0}, weights sha256 {result.WeightsSha256}");
        History.Tell("ended", state == JobStates.Failed ? "error" : "info", result?.Steps ?? 0, reason.Length > 0 ? $"{text}: {reason}" : text);
        History.Complete();
        _ended.TrySetResult();
    }

    /// <summary>It trains no more in this process, and has not ended: the next one goes on with it.</summary>
    internal void Rest()
    {
        lock (_gate) (_state, _cluster) = (JobStates.Queued, null);
    }

    /// <summary>A repeat changes nothing.</summary>
    public JobStatus Stop()
    {
        lock (_gate)
        {
            if (JobStates.IsEnd(_state) || _state == JobStates.Stopping) return Status;
            _state = JobStates.Stopping;
        }
        _stop();
        return Status;
    }

    public Verdict Diagnose()
    {
        var verdict = History.Diagnose();
        lock (_gate) _verdict = verdict.Name;
        return verdict;
    }

    public IReadOnlyList<WaitReport> Waits()
    {
        lock (_gate)
            return _state == JobStates.Queued ? [new WaitReport("job", "a place to train", "the job that trains before it", Math.Max(0, (DateTimeOffset.UtcNow - _submitted).TotalSeconds), double.PositiveInfinity, "the job waits until the one before it has ended")]
                : JobStates.IsEnd(_state) ? [] : _cluster?.Waits() ?? [];
    }

    public JobMembers Members()
    {
        EmbeddedCluster? cluster;
        lock (_gate) cluster = _cluster;
        if (cluster is null) return new JobMembers([.. History.Workers(History.Seen.ToDictionary(n => n, n => $"worker {n}"), Device, []).Select(w => w with { State = "ended" })], []);
        var processes = cluster.ProcessIds;
        var names = cluster.Workers.ToDictionary(n => n, n => processes.TryGetValue(n, out var process) ? $"worker {n}, process {process}" : $"worker {n}, thread");
        var step = History.Figures(Id).Step;
        return new JobMembers(History.Workers(names, Device, cluster.Waits()), [.. cluster.Ranges.Select((range, s) => new ShardReport(s, "this process", "", step, range.Length))]);
    }

    /// <summary>Published checkpoints, newest first.</summary>
    public IReadOnlyList<CheckpointReport> Checkpoints() => _checkpoints.List();

    private string Device => _options.Device is "auto" ? "cpu" : _options.Device;
}
