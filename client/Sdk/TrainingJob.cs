using System.Runtime.CompilerServices;
using DistTrain.Contracts;

namespace DistTrain.Client;

/// <summary>One job on a cluster: watch it, wait for it, ask about it, stop it.</summary>
/// <remarks>Holds nothing but the job's id: any number may stand for one job, and letting go of one changes nothing.</remarks>
public sealed class TrainingJob(ITrainingCluster cluster, string id, string name)
{
    // For the last question of a wait: some ten seconds of a server that restarts.
    private const int MostTries = 10;

    public string Id { get; } = id;

    public string Name { get; } = name;

    public Task<JobStatus> StatusAsync(CancellationToken cancellation = default) => cluster.GetAsync(Id, cancellation);

    /// <summary>Every step and evaluation from the first, then live, until the job ends.</summary>
    public IAsyncEnumerable<MetricPoint> WatchAsync(CancellationToken cancellation = default) => cluster.MetricsAsync(Id, 0, cancellation);

    /// <param name="after">Sequence number of the last point seen.</param>
    public IAsyncEnumerable<MetricPoint> WatchAsync(long after, CancellationToken cancellation = default) => cluster.MetricsAsync(Id, after, cancellation);

    /// <summary>Evaluations alone.</summary>
    public async IAsyncEnumerable<MetricPoint> EvaluationsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var point in WatchAsync(cancellation).ConfigureAwait(false))
            if (point.Kind == "evaluation") yield return point;
    }

    public IAsyncEnumerable<TrainingEvent> EventsAsync(long after = 0, CancellationToken cancellation = default) => cluster.EventsAsync(Id, after, cancellation);

    /// <summary>Until the job has ended, over restarts of the server.</summary>
    /// <returns>How it ended: look at <see cref="JobStatus.State"/>.</returns>
    public async Task<JobStatus> WaitAsync(CancellationToken cancellation = default)
    {
        await foreach (var _ in cluster.EventsAsync(Id, long.MaxValue / 2, cancellation).ConfigureAwait(false)) { }
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await cluster.GetAsync(Id, cancellation).ConfigureAwait(false);
            }
            catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable && tries < MostTries)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200 * tries), cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Like <see cref="WaitAsync"/>, and a job that failed is an exception.</summary>
    /// <exception cref="JobFailedException">It failed, or was stopped.</exception>
    public async Task<JobStatus> SucceedAsync(CancellationToken cancellation = default)
    {
        var status = await WaitAsync(cancellation).ConfigureAwait(false);
        return status.State == JobStates.Succeeded ? status : throw new JobFailedException(status);
    }

    /// <summary>Finish the step, save, end. Returns when the command is recorded.</summary>
    public Task<JobStatus> StopAsync(CancellationToken cancellation = default) => cluster.StopAsync(Id, $"stop-{Guid.NewGuid():N}", cancellation);

    public Task<IReadOnlyList<WaitReport>> WhyAsync(CancellationToken cancellation = default) => cluster.WhyAsync(Id, cancellation);

    public Task<Verdict> DiagnoseAsync(CancellationToken cancellation = default) => cluster.DiagnoseAsync(Id, cancellation);

    public Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(CancellationToken cancellation = default) => cluster.CheckpointsAsync(Id, cancellation);

    public Task<JobMembers> MembersAsync(CancellationToken cancellation = default) => cluster.MembersAsync(Id, cancellation);

    public Task<string> SpecAsync(CancellationToken cancellation = default) => cluster.SpecAsync(Id, cancellation);
}

/// <summary>A job that was waited for has not succeeded.</summary>
public sealed class JobFailedException(JobStatus status) : Exception($"job {status.Job} has {status.State} after step {status.Step}{(status.Reason.Length > 0 ? $": {status.Reason}" : "")}")
{
    public JobStatus Status { get; } = status;
}
