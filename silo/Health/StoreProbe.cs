using DistTrain.Grains;
using Microsoft.Extensions.Logging;

namespace DistTrain.Silo;

/// <summary>Whether the store answers, asked at most once a second however often anybody wants to know: who asks needs no token. Why not is for the log alone.</summary>
internal sealed partial class StoreProbe(IClusterStore store, TimeProvider time, ILogger<StoreProbe> log)
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _holds = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();
    private Task<bool>? _answer;
    private long _asked;

    public Task<bool> AnswersAsync()
    {
        lock (_gate)
        {
            if (_answer is null || (_answer.IsCompleted && time.GetElapsedTime(_asked) >= _holds)) (_answer, _asked) = (AskAsync(), time.GetTimestamp());
            return _answer;
        }
    }

    private async Task<bool> AskAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(_limit, time);
            await store.ReadAsync("health", "probe", limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception unreached) when (unreached is not OutOfMemoryException)
        {
            Unreached(unreached.Message);
            return false;
        }
    }

    [LoggerMessage(70, LogLevel.Warning, "Not ready: the store does not answer: {Reason}")]
    private partial void Unreached(string reason);
}
