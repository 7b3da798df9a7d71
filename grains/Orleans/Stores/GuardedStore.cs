using System.Data.Common;
using System.Net.Sockets;
using DistTrain.Contracts;

namespace DistTrain.Grains;

/// <summary>The cluster's store does not answer, whatever it is kept in.</summary>
internal sealed class StoreUnreachableException(Exception reason) : IOException($"the cluster's store does not answer: {reason.Message}", reason);

/// <summary>A store whose failures have one name, so that nothing else is taken for one: a training file that cannot be read is no lost store.</summary>
internal sealed class GuardedStore(IClusterStore store) : IClusterStore
{
    public Task PrepareAsync(CancellationToken cancellation) => Guard(async () =>
    {
        await store.PrepareAsync(cancellation).ConfigureAwait(false);
        return true;
    });

    public Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation) => Guard(() => store.ReadAsync(kind, key, cancellation));

    public Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation) => Guard(() => store.WriteAsync(kind, key, text, expected, cancellation));

    public Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation) => Guard(() => store.ListAsync(kind, cancellation));

    public Task RemoveAsync(string kind, string key, CancellationToken cancellation) => Guard(async () =>
    {
        await store.RemoveAsync(kind, key, cancellation).ConfigureAwait(false);
        return true;
    });

    public Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation) => Guard(async () =>
    {
        await store.AppendAsync(job, events, cancellation).ConfigureAwait(false);
        return true;
    });

    public Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation) => Guard(() => store.EventsAsync(job, cancellation));

    private static async Task<T> Guard<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is DbException or UnauthorizedAccessException or SocketException || (failed is IOException and not StoreUnreachableException))
        {
            throw new StoreUnreachableException(failed);
        }
    }
}
