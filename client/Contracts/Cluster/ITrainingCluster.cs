namespace DistTrain.Contracts;

/// <summary>
/// A place where jobs train: an embedded run of this process, a cluster on Orleans, or either behind a gateway. Everything that people and
/// programs ask of it goes through here; the HTTP API, the page and the command know nothing else.
/// </summary>
/// <remarks>A job's id is its name with a suffix that the cluster chooses. Calls may be repeated: a submission by its id, a command by its id.</remarks>
public interface ITrainingCluster
{
    /// <summary>Accepts a job, or returns the one that the same submission id made before.</summary>
    /// <exception cref="ClusterException">The spec is invalid (every problem listed), or the id was used for another spec.</exception>
    Task<JobStatus> SubmitAsync(JobSubmission submission, CancellationToken cancellation = default);

    /// <summary>All jobs known, newest first.</summary>
    Task<IReadOnlyList<JobStatus>> ListAsync(CancellationToken cancellation = default);

    /// <exception cref="ClusterException">No such job.</exception>
    Task<JobStatus> GetAsync(string job, CancellationToken cancellation = default);

    /// <summary>The spec as it was accepted, with every default written out, as YAML.</summary>
    Task<string> SpecAsync(string job, CancellationToken cancellation = default);

    /// <summary>Events in order, from the first whose sequence is above <paramref name="after"/>; goes on live and ends after the job's last.</summary>
    IAsyncEnumerable<TrainingEvent> EventsAsync(string job, long after = 0, CancellationToken cancellation = default);

    /// <summary>Metric points in order, from the first whose sequence is above <paramref name="after"/>; goes on live and ends after the job's last.</summary>
    IAsyncEnumerable<MetricPoint> MetricsAsync(string job, long after = 0, CancellationToken cancellation = default);

    /// <summary>Finish the step, save, end. Returns when the command is recorded; a repeat with the same id changes nothing.</summary>
    Task<JobStatus> StopAsync(string job, string commandId, CancellationToken cancellation = default);

    /// <summary>Every wait of the job now, the one that holds it up first; empty when it waits for nothing.</summary>
    Task<IReadOnlyList<WaitReport>> WhyAsync(string job, CancellationToken cancellation = default);

    /// <summary>Published checkpoints, newest first.</summary>
    Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(string job, CancellationToken cancellation = default);

    /// <summary>Workers and shards of the job with what they do now.</summary>
    Task<JobMembers> MembersAsync(string job, CancellationToken cancellation = default);

    /// <summary>What the loss curves say now.</summary>
    Task<Verdict> DiagnoseAsync(string job, CancellationToken cancellation = default);
}
