using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Silo;
using Microsoft.Extensions.Logging;

namespace DistTrain.Cluster.Tests.Silo;

public sealed class StoreProbeTests
{
    [Fact]
    public async Task However_often_it_is_asked_the_store_is_read_once_a_second_and_the_reason_stays_in_the_log()
    {
        var (store, time, log) = (new FailingStore(), new SteppedTime(), new KeptLog());
        var probe = new StoreProbe(store, time, log);
        for (var i = 0; i < 100; i++) Assert.False(await probe.AnswersAsync());
        Assert.Equal(1, store.Reads);
        Assert.Contains("10.0.0.5", Assert.Single(log.Lines), StringComparison.Ordinal);
        store.IsThere = true;
        time.Now += TimeSpan.FromSeconds(1);
        for (var i = 0; i < 100; i++) Assert.True(await probe.AnswersAsync());
        Assert.Equal(2, store.Reads);
    }

    private sealed class SteppedTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }

    private sealed class KeptLog : ILogger<StoreProbe>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }

    private sealed class FailingStore : IClusterStore
    {
        public bool IsThere { get; set; }

        public int Reads { get; private set; }

        public Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation)
        {
            Reads++;
            return IsThere ? Task.FromResult<StoredText?>(null) : throw new IOException("Failed to connect to 10.0.0.5:5432");
        }

        public Task PrepareAsync(CancellationToken cancellation) => Task.CompletedTask;

        public Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation) => throw new InvalidOperationException("a probe writes nothing");

        public Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation) => throw new InvalidOperationException("a probe lists nothing");

        public Task RemoveAsync(string kind, string key, CancellationToken cancellation) => throw new InvalidOperationException("a probe removes nothing");

        public Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation) => throw new InvalidOperationException("a probe appends nothing");

        public Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation) => throw new InvalidOperationException("a probe reads no events");
    }
}
