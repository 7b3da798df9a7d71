using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>
/// Jobs as metrics of the meter <c>DistTrain</c>, for OpenTelemetry or dotnet-counters; docs/operations.md lists them. A process tells it about
/// the jobs whose scheduler it holds, so that summing over processes counts nothing twice. Telling never waits.
/// </summary>
public sealed class TrainingMeter : IDisposable
{
    public const string Name = "DistTrain";

    private readonly Meter _meter;
    private readonly List<Instrument> _instruments = [];
    private readonly ConcurrentDictionary<string, FollowedJob> _jobs = new(StringComparer.Ordinal);
    private readonly Counter<long> _steps;
    private readonly Counter<long> _samples;
    private readonly Histogram<double> _stepSeconds;
    private readonly Counter<long> _events;
    private readonly Gauge<double> _trainLoss;
    private readonly Gauge<double> _testLoss;
    private readonly Gauge<double> _testAccuracy;
    private readonly Gauge<double> _learningRate;
    private readonly Gauge<double> _gradientNorm;
    private readonly Gauge<double> _clippedNorm;

    /// <param name="factory">Of the host; null: a meter that nobody else shares.</param>
    public TrainingMeter(IMeterFactory? factory = null)
    {
        var options = new MeterOptions(Name);
        _meter = factory?.Create(options) ?? new Meter(options);
        _steps = Kept(_meter.CreateCounter<long>("disttrain.steps", "{step}", "Steps committed."));
        _samples = Kept(_meter.CreateCounter<long>("disttrain.samples", "{sample}", "Samples of committed steps."));
        _stepSeconds = Kept(_meter.CreateHistogram("disttrain.step.duration", "s", "Time from one commit to the next.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30] }));
        _events = Kept(_meter.CreateCounter<long>("disttrain.events", "{event}", "What happened to jobs, by kind and severity."));
        _trainLoss = Kept(_meter.CreateGauge<double>("disttrain.train.loss", description: "Mean loss of the newest step's global batch."));
        _testLoss = Kept(_meter.CreateGauge<double>("disttrain.test.loss", description: "Mean loss of the newest evaluation."));
        _testAccuracy = Kept(_meter.CreateGauge<double>("disttrain.test.accuracy", description: "Share of correct predictions of the newest evaluation."));
        _learningRate = Kept(_meter.CreateGauge<double>("disttrain.learning_rate", description: "Of the newest step."));
        _gradientNorm = Kept(_meter.CreateGauge<double>("disttrain.gradient.norm", description: "Global norm of the newest step before clipping."));
        _clippedNorm = Kept(_meter.CreateGauge<double>("disttrain.gradient.clipped_norm", description: "Global norm of the newest step after clipping."));
        Kept(_meter.CreateObservableUpDownCounter("disttrain.jobs", Jobs, "{job}", "Jobs whose scheduler is in this process, by state."));
        Kept(_meter.CreateObservableUpDownCounter("disttrain.workers", Workers, "{worker}", "Workers of a job, by state."));
        Kept(_meter.CreateObservableGauge("disttrain.workers.phase.duration", Phases, "s", "Where a job's workers spent their time since they joined, summed over the workers that are there, by phase."));
        Kept(_meter.CreateObservableGauge("disttrain.workers.bytes", Bytes, "By", "What a job's workers moved over the lane since they joined, summed over the workers that are there, by direction."));
        Kept(_meter.CreateObservableUpDownCounter("disttrain.shards", Shards, "{shard}", "Parameter shards of a job, by copies: 1 stands to be copied again, 2 is as it should be where replicas are on."));
    }

    internal IReadOnlyList<Instrument> Instruments => _instruments;

    internal bool Owns(Instrument instrument) => ReferenceEquals(instrument.Meter, _meter);

    /// <summary>Tells of a job from now on, until what is returned is disposed of.</summary>
    /// <param name="status">Asked when metrics are read, from any thread.</param>
    /// <param name="members">The same.</param>
    public FollowedJob Follow(string job, Func<JobStatus> status, Func<JobMembers> members) => _jobs[job] = new FollowedJob(this, job, status, members);

    public void Dispose() => _meter.Dispose();

    private T Kept<T>(T instrument)
        where T : Instrument
    {
        _instruments.Add(instrument);
        return instrument;
    }

    private IEnumerable<Measurement<long>> Jobs() => _jobs.Values.GroupBy(j => j.Status().State).Select(g => new Measurement<long>(g.Count(), Tag("state", g.Key)));

    private IEnumerable<Measurement<long>> Workers() =>
        from job in _jobs.Values
        from state in job.Members().Workers.GroupBy(w => w.State)
        select new Measurement<long>(state.Count(), Tag("job", job.Job), Tag("state", state.Key));

    private IEnumerable<Measurement<double>> Phases() =>
        from job in _jobs.Values
        let workers = job.Members().Workers
        from phase in new (string Name, double Seconds)[]
        {
            ("compute", workers.Sum(w => w.ComputeSeconds)), ("push", workers.Sum(w => w.PushSeconds)), ("pull", workers.Sum(w => w.PullSeconds)),
            ("wait", workers.Sum(w => w.WaitSeconds)), ("serve", workers.Sum(w => w.ServeSeconds)),
        }
        select new Measurement<double>(phase.Seconds, Tag("job", job.Job), Tag("phase", phase.Name));

    private IEnumerable<Measurement<long>> Bytes() =>
        from job in _jobs.Values
        let workers = job.Members().Workers
        from way in new (string Name, long Bytes)[] { ("sent", workers.Sum(w => w.BytesSent)), ("received", workers.Sum(w => w.BytesReceived)) }
        select new Measurement<long>(way.Bytes, Tag("job", job.Job), Tag("direction", way.Name));

    private IEnumerable<Measurement<long>> Shards() =>
        from job in _jobs.Values
        from copies in job.Members().Shards.GroupBy(s => s.Replica.Length > 0 ? 2 : 1)
        select new Measurement<long>(copies.Count(), Tag("job", job.Job), new("copies", copies.Key));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    /// <summary>One job as the meter knows it.</summary>
    public sealed class FollowedJob : IDisposable
    {
        private readonly TrainingMeter _meter;
        private double _commitSeconds = double.NaN;

        internal FollowedJob(TrainingMeter meter, string job, Func<JobStatus> status, Func<JobMembers> members) => (_meter, Job, Status, Members) = (meter, job, status, members);

        public string Job { get; }

        internal Func<JobStatus> Status { get; }

        internal Func<JobMembers> Members { get; }

        /// <summary>A step was committed, or an evaluation. Points come in order, from one thread at a time.</summary>
        public void Tell(MetricPoint point)
        {
            var job = Tag("job", Job);
            if (point.Kind != "step")
            {
                Show(_meter._testLoss, point.Loss, job);
                Show(_meter._testAccuracy, point.Accuracy, job);
                _commitSeconds = point.Seconds;
                return;
            }
            _meter._steps.Add(1, job);
            _meter._samples.Add(point.Samples, job);
            if (point.Seconds >= _commitSeconds) _meter._stepSeconds.Record(point.Seconds - _commitSeconds, job);
            _commitSeconds = point.Seconds;
            Show(_meter._trainLoss, point.Loss, job);
            Show(_meter._learningRate, point.LearningRate, job);
            Show(_meter._gradientNorm, point.GradientNorm, job);
            Show(_meter._clippedNorm, point.ClippedNorm, job);
        }

        public void Tell(TrainingEvent happened) => _meter._events.Add(1, Tag("job", Job), Tag("kind", happened.Kind), Tag("severity", happened.Severity));

        public void Dispose() => _meter._jobs.TryRemove(new KeyValuePair<string, FollowedJob>(Job, this));

        // NaN means that there is no such number here; infinity is one that somebody should see.
        private static void Show(Gauge<double> gauge, double value, KeyValuePair<string, object?> job)
        {
            if (!double.IsNaN(value)) gauge.Record(value, job);
        }
    }
}
