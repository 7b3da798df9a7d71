using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Training;

/// <summary>
/// What a run has told so far, for viewers: points, events, phase times, figures. It is fed from the run's <see cref="RunFeed"/> by one reader;
/// viewers follow at their own pace, and nothing that they do reaches the run.
/// </summary>
/// <param name="keep">The newest points that stay.</param>
public sealed class RunHistory(RunShape job, TimeProvider time, int keep = RunHistory.Kept)
{
    public RunHistory(ResolvedJob job, TimeProvider time, int keep = Kept) : this(RunShape.Of(job), time, keep)
    {
    }

    /// <summary>Points that stay unless told otherwise.</summary>
    public const int Kept = 1 << 20;

    private const double SpeedWindow = 5;

    private readonly Lock _gate = new();
    private readonly LiveLog<Measured> _points = new(keep);
    private readonly ConcurrentDictionary<long, IReadOnlyDictionary<string, double>> _values = []; // of the few points that have any, by sequence
    private readonly LiveLog<TrainingEvent> _events = new(1 << 16);
    private readonly CurveCollector _curves = new();
    private readonly SortedDictionary<int, WorkerTime> _workers = [];
    private readonly Queue<(double Seconds, long Samples)> _speed = new();
    private long _step;
    private long _evaluated = -1;
    private long _samples;
    private double _seconds;
    private double _secondsBefore; // of earlier runs of the job
    private double _trainLoss = double.NaN;
    private double _testLoss = double.NaN;
    private double _testAccuracy = double.NaN;
    private double _bestTestLoss = double.NaN;
    private long _bestTestLossStep;

    /// <summary>A committed step or evaluation in 64 bytes; <see cref="MetricPoint"/> is made of it when somebody looks.</summary>
    private readonly record struct Measured(bool Evaluation, int Samples, long Step, float Seconds, double Loss, float Accuracy, double LearningRate, double GradientNorm, double ClippedNorm);

    private sealed class WorkerTime
    {
        public double Compute, Push, Wait, Serve, LastCompute, LastWait;
    }

    /// <summary>Steps of a run that is gone on with, as its checkpoint brought them back. Before the first record.</summary>
    public void Restore(LossLog committed)
    {
        for (var i = 0; i < committed.Count; i++)
        {
            var record = committed[i];
            var evaluation = record.Kind is LossRecordKind.Evaluation;
            Take(new RunRecord
            {
                Kind = evaluation ? RunRecordKind.Evaluation : RunRecordKind.Step, Step = evaluation ? record.Step : record.Step + 1, Loss = record.Loss, Accuracy = (double)record.Correct / Math.Max(1, record.Samples),
                Samples = record.Samples, LearningRate = record.LearningRate, GradientNorm = record.GradientNorm, ClippedNorm = record.GradientNorm * record.Coefficient, Seconds = double.NaN,
            });
        }
    }

    /// <summary>What an earlier process told of the job, under the same sequence numbers. Before the first record.</summary>
    public void Restore(IEnumerable<MetricPoint> points, IEnumerable<TrainingEvent> events)
    {
        foreach (var p in points)
            Take(new RunRecord
            {
                Kind = p.Kind == "evaluation" ? RunRecordKind.Evaluation : RunRecordKind.Step, Step = p.Step, Loss = p.Loss, Accuracy = p.Accuracy, Samples = p.Samples, LearningRate = p.LearningRate,
                GradientNorm = p.GradientNorm, ClippedNorm = p.ClippedNorm, Seconds = p.Seconds, Values = p.Values,
            });
        foreach (var happened in events) _events.Add(happened);
        lock (_gate)
        {
            _secondsBefore = _seconds;
            _speed.Clear();
        }
    }

    /// <summary>How many it holds of each.</summary>
    public (long Points, long Events) Told => (_points.Count, _events.Count);

    /// <summary>Steps that it has been told of.</summary>
    public long LastStep
    {
        get { lock (_gate) return _step; }
    }

    /// <summary>For one thread.</summary>
    public void Add(in RunRecord record)
    {
        switch (record.Kind)
        {
            case RunRecordKind.Step or RunRecordKind.Evaluation:
                Take(record);
                break;
            case RunRecordKind.Phases:
                lock (_gate)
                {
                    if (!_workers.TryGetValue(record.Worker, out var worker)) _workers[record.Worker] = worker = new WorkerTime();
                    worker.Compute += record.Compute;
                    worker.Push += record.Push;
                    worker.Wait += record.Wait;
                    worker.Serve += record.Serve;
                    (worker.LastCompute, worker.LastWait) = (record.Compute, record.Wait);
                }
                break;
            case RunRecordKind.Event when record.About is Protocol.JobEventKind.Ended:
                break; // told with the result, once that is known
            default:
                Tell(record.About is { } about ? JsonNamingPolicy.CamelCase.ConvertName(about.ToString()) : record.Kind is RunRecordKind.Warning ? "warning" : "note",
                    record.Kind is RunRecordKind.Warning ? "warning" : "info", record.Step, record.Text ?? "");
                break;
        }
    }

    /// <summary>An event of the host rather than of the run. For the thread that adds.</summary>
    public void Tell(string kind, string severity, long step, string text) => _events.Add(new TrainingEvent(_events.Count + 1, time.GetUtcNow(), step, kind, severity, text));

    /// <summary>The run has ended: viewers that have seen everything are let go.</summary>
    public void Complete()
    {
        _points.Complete();
        _events.Complete();
    }

    public async IAsyncEnumerable<TrainingEvent> EventsAsync(long after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var (_, entry) in _events.FollowAsync(after, cancellation).ConfigureAwait(false)) yield return entry;
    }

    public async IAsyncEnumerable<MetricPoint> MetricsAsync(long after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var (sequence, entry) in _points.FollowAsync(after, cancellation).ConfigureAwait(false))
            yield return new MetricPoint
            {
                Sequence = sequence, Kind = entry.Evaluation ? "evaluation" : "step", Step = entry.Step, Epoch = (double)entry.Step / job.StepsPerEpoch, Seconds = Math.Round(entry.Seconds, 3), Loss = entry.Loss, Accuracy = Math.Round((double)entry.Accuracy, 6),
                Samples = entry.Samples, LearningRate = entry.LearningRate, GradientNorm = entry.GradientNorm, ClippedNorm = entry.ClippedNorm,
                Values = _values.GetValueOrDefault(sequence),
            };
    }

    public Verdict Diagnose() => LossDiagnosis.Of(_curves.Curves);

    /// <summary>The figures of a status; who and in which state is for the caller to add.</summary>
    public JobStatus Figures(string id)
    {
        lock (_gate)
        {
            var (first, last) = _speed.Count > 0 ? (_speed.Peek(), (Seconds: _seconds, Samples: _samples)) : default;
            return new JobStatus
            {
                Job = id, Name = job.Name, State = JobStates.Queued, Step = _step, TotalSteps = job.TotalSteps, StepsPerEpoch = job.StepsPerEpoch, TrainLoss = _trainLoss, TestLoss = _testLoss, TestAccuracy = _testAccuracy,
                BestTestLoss = _bestTestLoss, BestTestLossStep = _bestTestLossStep, SamplesPerSecond = last.Seconds > first.Seconds ? Math.Round((last.Samples - first.Samples) / (last.Seconds - first.Seconds), 1) : 0,
                MicroBatches = job.MicroBatches, Seconds = Math.Round(_seconds, 3),
            };
        }
    }

    /// <summary>Workers that have computed anything, by number.</summary>
    public IReadOnlyList<int> Seen
    {
        get { lock (_gate) return [.. _workers.Keys]; }
    }

    /// <param name="names">By number, the workers to tell of.</param>
    public IReadOnlyList<WorkerReport> Workers(IReadOnlyDictionary<int, string> names, string device, IReadOnlyList<WaitReport> waits)
    {
        lock (_gate)
            return
            [
                .. names.OrderBy(n => n.Key).Select(n =>
                {
                    _workers.TryGetValue(n.Key, out var t);
                    var lease = waits.FirstOrDefault(w => w.From == $"worker {n.Key}" && w.What.Contains("micro-batches", StringComparison.Ordinal))?.What ?? "";
                    return new WorkerReport
                    {
                        Number = n.Key, Name = n.Value, Device = device, State = t is null ? "starting" : lease.Length > 0 || t.LastCompute >= t.LastWait ? "working" : "waiting", Lease = lease,
                        ComputeSeconds = Math.Round(t?.Compute ?? 0, 3), PushSeconds = Math.Round(t?.Push ?? 0, 3), WaitSeconds = Math.Round(t?.Wait ?? 0, 3), ServeSeconds = Math.Round(t?.Serve ?? 0, 3),
                    };
                }),
            ];
    }

    private void Take(in RunRecord record)
    {
        var evaluation = record.Kind is RunRecordKind.Evaluation;
        // A step that is computed again after a restore was told before.
        if (record.Step <= (evaluation ? _evaluated : _step)) return;
        var accuracy = job.Classifies ? record.Accuracy : double.NaN;
        var seconds = record.Seconds + _secondsBefore;
        lock (_gate)
        {
            if (double.IsFinite(seconds)) _seconds = seconds;
            if (evaluation)
            {
                (_testLoss, _testAccuracy, _evaluated) = (record.Loss, accuracy, record.Step);
                if (!(record.Loss >= _bestTestLoss)) (_bestTestLoss, _bestTestLossStep) = (record.Loss, record.Step);
            }
            else
            {
                (_step, _trainLoss, _samples) = (record.Step, record.Loss, _samples + record.Samples);
                if (double.IsFinite(seconds)) _speed.Enqueue((seconds, _samples));
                while (_speed.Count > 2 && _speed.Peek().Seconds < seconds - SpeedWindow) _speed.Dequeue();
            }
        }
        _curves.Add(evaluation, record.Step, record.Loss, accuracy, record.LearningRate, record.GradientNorm, record.Values);
        if (record.Values is not null) _values[_points.Count + 1] = record.Values;
        _points.Add(new Measured(evaluation, (int)record.Samples, record.Step, (float)seconds, record.Loss, (float)accuracy, evaluation ? double.NaN : record.LearningRate, evaluation ? double.NaN : record.GradientNorm, evaluation ? double.NaN : record.ClippedNorm));
    }
}

/// <summary>What of a job its history needs to know.</summary>
/// <param name="Classifies">Its predictions are right or wrong, so that they have an accuracy.</param>
public sealed record RunShape(string Name, long TotalSteps, long StepsPerEpoch, int MicroBatches, bool Classifies)
{
    public static RunShape Of(ResolvedJob job) => new(job.Name, job.TotalSteps, job.StepsPerEpoch, job.MicroBatches, job.Data.Test.Classes > 0);
}
