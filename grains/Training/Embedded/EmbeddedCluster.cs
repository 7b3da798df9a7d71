namespace DistTrain.Training;

/// <summary>A whole cluster on this machine: one job, parameter shards and workers (threads of this process, or child processes).</summary>
public sealed class EmbeddedCluster : IDisposable
{
    private readonly ResolvedJob _job;
    private readonly RunOptions _options;
    private readonly RunFeed? _feed;

    /// <param name="feed">Where progress goes; null = nowhere.</param>
    public EmbeddedCluster(ResolvedJob job, RunOptions options, RunFeed? feed = null) => (_job, _options, _feed) = (job, options, feed);

    /// <summary>Runs the job to its end. Cancelling stops at a checkpoint (where there is a folder) and returns Interrupted.</summary>
    public Task<TrainingResult> RunAsync(CancellationToken cancellation = default) => Task.Run(() =>
    {
        try
        {
            return new LocalTrainer(_job).Run(_feed, cancellation);
        }
        finally
        {
            _feed?.Complete();
        }
    }, CancellationToken.None);

    public void Dispose() { }
}
