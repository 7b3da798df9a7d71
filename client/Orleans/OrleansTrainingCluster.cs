using System.Runtime.CompilerServices;
using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Grains.Wire;
using Orleans;
using Orleans.Runtime;

namespace DistTrain.Client;

/// <summary>A training cluster straight through Orleans: each call goes to the grain that answers it. Within a silo and from an Orleans client alike.</summary>
public sealed class OrleansTrainingCluster(IGrainFactory grains, TimeProvider? time = null) : ITrainingCluster
{
    private const int Batch = 500;
    private static readonly TimeSpan _callLimit = TimeSpan.FromSeconds(30);

    // A spec is tried on its data before it is accepted.
    private static readonly TimeSpan _submitLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan _again = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _streamPatience = TimeSpan.FromSeconds(60);
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    private IJobIndexGrain Index => grains.GetGrain<IJobIndexGrain>(IJobIndexGrain.Key);

    public Task<JobStatus> SubmitAsync(JobSubmission submission, CancellationToken cancellation = default) => Ask(() => Index.Submit(submission), _submitLimit, cancellation);

    public async Task<IReadOnlyList<JobStatus>> ListAsync(CancellationToken cancellation = default) => await Ask(() => Index.List(), _callLimit, cancellation).ConfigureAwait(false);

    public Task<JobStatus> GetAsync(string job, CancellationToken cancellation = default) => AskJob(job, g => g.Status(), cancellation);

    public Task<string> SpecAsync(string job, CancellationToken cancellation = default) => AskJob(job, g => g.Spec(), cancellation);

    public IAsyncEnumerable<TrainingEvent> EventsAsync(string job, long after = 0, CancellationToken cancellation = default) => FollowAsync(job, after, async (grain, seen) =>
    {
        var batch = await grain.Events(seen, Batch).ConfigureAwait(false);
        return (batch.Events, batch.Ended, batch.Events.Length > 0 ? batch.Events[^1].Sequence : seen);
    }, cancellation);

    public IAsyncEnumerable<MetricPoint> MetricsAsync(string job, long after = 0, CancellationToken cancellation = default) => FollowAsync(job, after, async (grain, seen) =>
    {
        var batch = await grain.Points(seen, Batch).ConfigureAwait(false);
        return (batch.Points, batch.Ended, batch.Points.Length > 0 ? batch.Points[^1].Sequence : seen);
    }, cancellation);

    public Task<JobStatus> StopAsync(string job, string commandId, CancellationToken cancellation = default) => AskJob(job, g => g.Stop(commandId), cancellation);

    public async Task<IReadOnlyList<WaitReport>> WhyAsync(string job, CancellationToken cancellation = default) => await AskJob(job, g => g.Why(), cancellation).ConfigureAwait(false);

    public async Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(string job, CancellationToken cancellation = default) => await AskJob(job, g => g.Checkpoints(), cancellation).ConfigureAwait(false);

    public Task<JobMembers> MembersAsync(string job, CancellationToken cancellation = default) => AskJob(job, g => g.Members(), cancellation);

    public async Task<Verdict> DiagnoseAsync(string job, CancellationToken cancellation = default)
    {
        await GetAsync(job, cancellation).ConfigureAwait(false);
        return await Ask(() => grains.GetGrain<IMetricsGrain>(job).Diagnose(), _callLimit, cancellation).ConfigureAwait(false);
    }

    private Task<T> AskJob<T>(string job, Func<IJobGrain, Task<T>> ask, CancellationToken cancellation) => Ask(() => ask(grains.GetGrain<IJobGrain>(Id(job))), _callLimit, cancellation);

    // A silo that is lost under a call says nothing about the job: every call here may be repeated, so it is, until its limit.
    private async Task<T> Ask<T>(Func<Task<T>> ask, TimeSpan limit, CancellationToken cancellation)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            try
            {
                return await ask().WaitAsync(limit, _time, cancellation).ConfigureAwait(false);
            }
            catch (RequestRefusedException refused)
            {
                throw refused.AsClusterException();
            }
            catch (Exception lost) when (lost is OrleansException or TimeoutException || (lost is OperationCanceledException && !cancellation.IsCancellationRequested))
            {
                if (_time.GetElapsedTime(began) >= limit) throw new ClusterException(ClusterError.Unreachable, $"the cluster did not answer within {limit.TotalSeconds:F0} s: {lost.Message} See whether its silos are up, then ask again.", lost);
                await Task.Delay(_again, _time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async IAsyncEnumerable<T> FollowAsync<T>(string job, long after, Func<IMetricsGrain, long, Task<(T[] Entries, bool Ended, long Last)>> read, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await GetAsync(job, cancellation).ConfigureAwait(false);
        var metrics = grains.GetGrain<IMetricsGrain>(job);
        for (var seen = after; ;)
        {
            var (entries, ended, last) = await Ask(() => read(metrics, seen), _streamPatience, cancellation).ConfigureAwait(false);
            foreach (var entry in entries) yield return entry;
            if (ended) yield break;
            seen = last;
        }
    }

    private static string Id(string job) => job.Length is > 0 and <= 128 && job.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')
        ? job
        : throw new ClusterException(ClusterError.NotFound, $"job is \"{job}\". There is no such job; an id has letters, digits, dashes, dots and underscores.");
}
