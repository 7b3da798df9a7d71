using DistTrain.Contracts;
using DistTrain.Grains;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>A store that fails or waits where a test wants it to: given kind and key, before anything is read or written.</summary>
internal sealed class StoreInHand(IClusterStore store) : IClusterStore
{
    public Func<string, string, Task> BeforeRead { get; set; } = static (_, _) => Task.CompletedTask;

    public Func<string, string, Task> BeforeWrite { get; set; } = static (_, _) => Task.CompletedTask;

    /// <summary>The next write of this kind fails, as if the disk were full; nothing is written.</summary>
    public void FailNext(string kind)
    {
        var left = 1;
        BeforeWrite = (k, _) => k == kind && Interlocked.Exchange(ref left, 0) == 1 ? Task.FromException(new IOException("the disk is full")) : Task.CompletedTask;
    }

    public async Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation)
    {
        await BeforeRead(kind, key);
        return await store.ReadAsync(kind, key, cancellation);
    }

    public async Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation)
    {
        await BeforeWrite(kind, key);
        return await store.WriteAsync(kind, key, text, expected, cancellation);
    }

    public Task PrepareAsync(CancellationToken cancellation) => store.PrepareAsync(cancellation);

    public Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation) => store.ListAsync(kind, cancellation);

    public Task RemoveAsync(string kind, string key, CancellationToken cancellation) => store.RemoveAsync(kind, key, cancellation);

    public Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation) => store.AppendAsync(job, events, cancellation);

    public Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation) => store.EventsAsync(job, cancellation);
}
