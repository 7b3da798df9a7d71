using System.Collections.Concurrent;
using DistTrain.Contracts;

namespace DistTrain.Dashboard;

/// <summary>What the cluster said within the last second, so that ten viewers of a job ask it once.</summary>
internal sealed class RecentAnswers(ITrainingCluster cluster, TimeProvider time)
{
    private const int Most = 512;
    private static readonly TimeSpan Age = TimeSpan.FromMilliseconds(900);

    // A question is asked for all viewers, so no one of them can withdraw it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<(string Question, string Job), (long At, Task Answer)> _answers = new();

    public Task<IReadOnlyList<JobStatus>> ListAsync() => Of("list", "", (_, c) => cluster.ListAsync(c));

    public Task<JobStatus> StatusAsync(string job) => Of("status", job, cluster.GetAsync);

    public Task<JobMembers> MembersAsync(string job) => Of("members", job, cluster.MembersAsync);

    public Task<IReadOnlyList<WaitReport>> WhyAsync(string job) => Of("why", job, cluster.WhyAsync);

    public Task<IReadOnlyList<CheckpointReport>> CheckpointsAsync(string job) => Of("checkpoints", job, cluster.CheckpointsAsync);

    public Task<Verdict> DiagnoseAsync(string job) => Of("diagnosis", job, cluster.DiagnoseAsync);

    private Task<T> Of<T>(string question, string job, Func<string, CancellationToken, Task<T>> ask)
    {
        var now = time.GetTimestamp();
        if (_answers.TryGetValue((question, job), out var known) && (!known.Answer.IsCompleted || time.GetElapsedTime(known.At, now) < Age)) return (Task<T>)known.Answer;
        if (_answers.Count > Most) _answers.Clear();
        var answer = AskAsync();
        _answers[(question, job)] = (now, answer);
        return answer;

        async Task<T> AskAsync()
        {
            using var limit = new CancellationTokenSource(Patience, time);
            try
            {
                return await ask(job, limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (limit.IsCancellationRequested)
            {
                throw new ClusterException(ClusterError.Unreachable, $"the cluster did not answer within {Patience.TotalSeconds:F0} s.");
            }
        }
    }
}
