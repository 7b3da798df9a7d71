using DistTrain.Contracts;
using DistTrain.Grains;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>A store whose ends are written when the test says so, and seen late.</summary>
internal sealed class SlowEnd(IClusterStore store) : IClusterStore
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _let = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _unseen;

    /// <summary>Completes when a job wants to write its end.</summary>
    public Task Reached => _reached.Task;

    public void Let() => _let.TrySetResult();

    /// <summary>The next read of an end that is there finds none, as one that came a moment earlier.</summary>
    public void MissOnce() => Interlocked.Exchange(ref _unseen, 1);

    public async Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation)
    {
        if (kind == StoreKind.End)
        {
            _reached.TrySetResult();
            await _let.Task.WaitAsync(TrainingCluster.Limit, cancellation);
        }
        return await store.WriteAsync(kind, key, text, expected, cancellation);
    }

    public async Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation) =>
        kind == StoreKind.End && Interlocked.Exchange(ref _unseen, 0) == 1 ? null : await store.ReadAsync(kind, key, cancellation);

    public Task PrepareAsync(CancellationToken cancellation) => store.PrepareAsync(cancellation);

    public Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation) => store.ListAsync(kind, cancellation);

    public Task RemoveAsync(string kind, string key, CancellationToken cancellation) => store.RemoveAsync(kind, key, cancellation);

    public Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation) => store.AppendAsync(job, events, cancellation);

    public Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation) => store.EventsAsync(job, cancellation);
}
