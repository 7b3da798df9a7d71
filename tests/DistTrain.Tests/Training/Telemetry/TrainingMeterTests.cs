using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.RegularExpressions;
using DistTrain.Contracts;
using DistTrain.Tests.House;
using DistTrain.Training;

namespace DistTrain.Tests.Training.Telemetry;

/// <summary>What a job tells arrives at a listener, once, under the names that the documentation gives.</summary>
public sealed partial class TrainingMeterTests : IDisposable
{
    private readonly TrainingMeter _meter = new();
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, List<double>> _seen = new(StringComparer.Ordinal);

    public TrainingMeterTests()
    {
        // Other tests may run a meter of the same name: only this one's instruments are listened to.
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == TrainingMeter.Name && _meter.Owns(instrument)) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => See(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => See(instrument, value, tags));
        _listener.Start();
    }

    [Fact]
    public void Steps_and_evaluations_are_counted_and_shown()
    {
        using var job = Follow();
        job.Tell(Step(1, seconds: 2.0, loss: 0.9));
        job.Tell(Step(2, seconds: 2.5, loss: 0.8));
        job.Tell(new MetricPoint { Kind = "evaluation", Step = 2, Seconds = 3, Loss = 0.7, Accuracy = 0.75, Samples = 100 });
        job.Tell(Step(3, seconds: 3.25, loss: 0.6));

        Assert.Equal([1, 1, 1], _seen["disttrain.steps job=a"]);
        Assert.Equal([64, 64, 64], _seen["disttrain.samples job=a"]);
        Assert.Equal([0.5, 0.25], _seen["disttrain.step.duration job=a"]);
        Assert.Equal([0.9, 0.8, 0.6], _seen["disttrain.train.loss job=a"]);
        Assert.Equal([0.7], _seen["disttrain.test.loss job=a"]);
        Assert.Equal([0.75], _seen["disttrain.test.accuracy job=a"]);
        Assert.Equal([3, 3, 3], _seen["disttrain.gradient.norm job=a"]);
        Assert.Equal([1, 1, 1], _seen["disttrain.gradient.clipped_norm job=a"]);
        Assert.Equal([0.01, 0.01, 0.01], _seen["disttrain.learning_rate job=a"]);
    }

    [Fact]
    public void A_number_that_is_not_there_is_not_shown_and_one_that_overflowed_is()
    {
        using var job = Follow();
        job.Tell(new MetricPoint { Kind = "evaluation", Loss = double.PositiveInfinity });
        Assert.Equal([double.PositiveInfinity], _seen["disttrain.test.loss job=a"]);
        Assert.DoesNotContain("disttrain.test.accuracy job=a", _seen.Keys);
    }

    [Fact]
    public void Events_are_counted_by_kind_and_severity()
    {
        using var job = Follow();
        job.Tell(new TrainingEvent(1, DateTimeOffset.UnixEpoch, 3, "shardPromoted", "warning", "shard 0"));
        Assert.Equal([1], _seen["disttrain.events job=a kind=shardPromoted severity=warning"]);
    }

    [Fact]
    public void Workers_shards_and_phases_are_read_when_asked_for_and_no_longer_once_the_job_has_ended()
    {
        var job = Follow();
        _listener.RecordObservableInstruments();
        Assert.Equal([1], _seen["disttrain.jobs state=running"]);
        Assert.Equal([2], _seen["disttrain.workers job=a state=working"]);
        Assert.Equal([5], _seen["disttrain.workers.phase.duration job=a phase=compute"]);
        Assert.Equal([30], _seen["disttrain.workers.bytes direction=sent job=a"]);
        Assert.Equal([1], _seen["disttrain.shards copies=2 job=a"]);
        Assert.Equal([1], _seen["disttrain.shards copies=1 job=a"]);

        job.Dispose();
        _seen.Clear();
        _listener.RecordObservableInstruments();
        Assert.Empty(_seen);
    }

    [Fact]
    public void Every_instrument_stands_in_the_documentation_and_nothing_else_does()
    {
        var documented = Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "operations.md"))).Select(m => m.Groups[1].Value);
        Assert.Equal(_meter.Instruments.Select(i => i.Name).Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
    }

    private TrainingMeter.FollowedJob Follow() => _meter.Follow("a",
        () => new JobStatus { Job = "a", Name = "a", State = JobStates.Running },
        () => new JobMembers(
            [
                new WorkerReport { Number = 1, Name = "w1", State = "working", ComputeSeconds = 2, BytesSent = 10 },
                new WorkerReport { Number = 2, Name = "w2", State = "working", ComputeSeconds = 3, BytesSent = 20 },
            ],
            [new ShardReport(0, "s1", "s2", 4, 100), new ShardReport(1, "s2", "", 4, 100)]));

    private static MetricPoint Step(long step, double seconds, double loss) =>
        new() { Kind = "step", Step = step, Seconds = seconds, Loss = loss, Samples = 64, LearningRate = 0.01, GradientNorm = 3, ClippedNorm = 1 };

    private void See(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var name = string.Join(' ', tags.ToArray().Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Key}={t.Value}")).Order(StringComparer.Ordinal).Prepend(instrument.Name));
        if (!_seen.TryGetValue(name, out var values)) _seen[name] = values = [];
        values.Add(value);
    }

    // | `disttrain.steps` | counter | ...
    [GeneratedRegex(@"^\| `(disttrain\.[a-z._]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
