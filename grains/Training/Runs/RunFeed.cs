using System.Threading.Channels;
using DistTrain.Protocol;

namespace DistTrain.Training;

public enum RunRecordKind
{
    /// <summary>A committed step: Loss, Accuracy (of the batch), LearningRate, GradientNorm, ClippedNorm, Samples, Seconds.</summary>
    Step,

    /// <summary>A committed evaluation: Loss, Accuracy, Samples, Seconds.</summary>
    Evaluation,

    /// <summary>Something worth a line: Text.</summary>
    Event,

    /// <summary>Like an event, but something went wrong: Text.</summary>
    Warning,

    /// <summary>A worker's phase times since its last record, in seconds: Compute, Push, Wait, Serve; Worker.</summary>
    Phases,
}

/// <summary>One thing that a viewer may show. Which fields are set depends on the kind.</summary>
public readonly record struct RunRecord
{
    public required RunRecordKind Kind { get; init; }

    /// <summary>Steps committed before or with this record.</summary>
    public long Step { get; init; }

    public double Loss { get; init; }

    public double Accuracy { get; init; }

    public double LearningRate { get; init; }

    /// <summary>Global norm before clipping.</summary>
    public double GradientNorm { get; init; }

    /// <summary>Global norm after clipping; 0 for a step that was left out.</summary>
    public double ClippedNorm { get; init; }

    public long Samples { get; init; }

    /// <summary>Since the run began.</summary>
    public double Seconds { get; init; }

    public string? Text { get; init; }

    /// <summary>Of an event or warning that the scheduler reports; null for others.</summary>
    public JobEventKind? About { get; init; }

    /// <summary>Further figures of a step or evaluation, by name (<c>layer/NAME/gradNorm</c>); null where none were measured.</summary>
    public IReadOnlyDictionary<string, double>? Values { get; init; }

    public int Worker { get; init; }

    public double Compute { get; init; }

    public double Push { get; init; }

    public double Wait { get; init; }

    /// <summary>Time spent running shards and the job.</summary>
    public double Serve { get; init; }
}

/// <summary>A bounded queue from a run to its viewers. Writing never waits, and allocates nothing once the queue has grown: where nobody reads, the oldest records fall out and are counted.</summary>
public sealed class RunFeed
{
    private readonly Channel<RunRecord> _records;
    private long _dropped;

    public RunFeed(int capacity = 4096) =>
        _records = Channel.CreateBounded<RunRecord>(
            new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = false, SingleWriter = false },
            _ => Interlocked.Increment(ref _dropped));

    /// <summary>Nothing falls out: for a reader that surely reads, and must miss nothing. A scheduler that takes a job up tells all its past at once.</summary>
    public static RunFeed Whole() => new(int.MaxValue);

    /// <summary>Ends when the run ends.</summary>
    public ChannelReader<RunRecord> Records => _records.Reader;

    /// <summary>Every record, twenty times a second those that came meanwhile: waking up for every step would take time from the steps.</summary>
    public async IAsyncEnumerable<RunRecord> InBatchesAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        bool more;
        do
        {
            more = !Records.Completion.IsCompleted;
            while (Records.TryRead(out var record)) yield return record;
        }
        while (more && await timer.WaitForNextTickAsync().ConfigureAwait(false));
    }

    public long Dropped => Interlocked.Read(ref _dropped);

    internal void Write(in RunRecord record) => _records.Writer.TryWrite(record);

    internal void Complete() => _records.Writer.TryComplete();
}
