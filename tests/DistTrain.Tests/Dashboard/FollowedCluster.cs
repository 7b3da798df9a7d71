using System.Runtime.CompilerServices;
using DistTrain.Contracts;

namespace DistTrain.Tests.Dashboard;

/// <summary>Counts who follows a cluster's streams now.</summary>
internal sealed class FollowedCluster(ITrainingCluster cluster) : ITrainingCluster
{
    private int _open;

    public int Open => Volatile.Read(ref _open);

    public IAsyncEnumerable<TrainingEvent> EventsAsync(string job, long after = 0, CancellationToken cancellation = default) => Counted(cluster.EventsAsync(job, after, cancellation), cancellation);

    public IAsyncEnumerable<MetricPoint> MetricsAsync(string job, long after = 0, CancellationToken cancellation = default) => Counted(cluster.MetricsAsync(job, after, cancellation), cancellation);

    public Task<JobStatus> SubmitAsync(JobSubmission submission, CancellationToken cancellation = default) => cluster.SubmitAsync(submission, cancellation);

    public Task<IReadOnlyList<JobStatus>> ListAsync(CancellationToken cancellation = default) => cluster.ListAsync(cancellation);

    public Task<JobStatus> GetAsync(string job, CancellationToken cancellation = default) => cluster.GetAsync(job, cancellation);

    public Task<string> SpecAsync(string job, CancellationToken cancellation = default) => cluster.SpecAsync(job, cancellation);

    public Task<JobStatus> StopAsync(string job, string commandId, CancellationToken cancellation = default) => cluster.StopAsync(job, commandId, cancellation);

    public Task<IReadOnlyList<WaitReport>> WhyAsync(string job, CancellationToken cancellation = default) => cluster.WhyAsync(job, cancellation);

    public Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(string job, CancellationToken cancellation = default) => cluster.CheckpointsAsync(job, cancellation);

    public Task<JobMembers> MembersAsync(string job, CancellationToken cancellation = default) => cluster.MembersAsync(job, cancellation);

    public Task<Verdict> DiagnoseAsync(string job, CancellationToken cancellation = default) => cluster.DiagnoseAsync(job, cancellation);

    private async IAsyncEnumerable<T> Counted<T>(IAsyncEnumerable<T> items, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Interlocked.Increment(ref _open);
        try
        {
            await foreach (var item in items.WithCancellation(cancellation)) yield return item;
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }
}
