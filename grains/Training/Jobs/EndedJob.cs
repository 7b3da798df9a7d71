using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>A job that ended before the server began: its record, and its points and events once somebody asks for them.</summary>
internal sealed class EndedJob : IListedJob
{
    private readonly Lazy<RunHistory> _history;
    private readonly JobCheckpoints _checkpoints;

    public EndedJob(JobRecord record, JobFolder folder, TimeProvider time)
    {
        (Status, Spec, _checkpoints) = (record.Status, record.Spec, new JobCheckpoints(record.CheckpointFolder, record.Identity));
        _history = new Lazy<RunHistory>(() =>
        {
            var history = new RunHistory(record.Shape, time);
            folder.Load(history);
            history.Complete();
            return history;
        });
    }

    public string Id => Status.Job;

    public JobStatus Status { get; }

    public string Spec { get; }

    public RunHistory History => _history.Value;

    public bool HasEnded => true;

    public JobStatus Stop() => Status;

    public IReadOnlyList<WaitReport> Waits() => [];

    public JobMembers Members() => new([], []);

    public IReadOnlyList<CheckpointReport> Checkpoints() => _checkpoints.List();

    public Verdict Diagnose() => History.Diagnose();
}
