using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The scheduler of this process: keeps the committed records, tells viewers, and passes storage work on.</summary>
/// <param name="ended">Called once, when the job has ended here.</param>
/// <param name="tellsPast">Viewers are told each record once, those of a past that this process has not seen too.</param>
internal class JobHost(JobMachine machine, MachineSet machines, StateStore store, RegisterAccess register, LossLog log, RunFeed? feed, Action<JobHost> ended, bool tellsPast = false) : MachineHost(machine, machines)
{
    private readonly Lock _progressing = new();
    private (long Steps, long Evaluation) _told = (0, -1);
    private JobProgress _progress = JobProgress.None;

    /// <summary>From any thread.</summary>
    public JobProgress Progress
    {
        get { lock (_progressing) return _progress; }
    }

    /// <summary>By this run, evaluations left out.</summary>
    public double SamplesPerSecond => Samples / Math.Max(1e-9, (LastCommit - Evaluating).TotalSeconds);

    public JobMachine Job => machine;

    /// <summary>Set when the job has ended.</summary>
    public JobState? State { get; private set; }

    /// <summary>Why it ended; empty where all went well.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Steps committed.</summary>
    public long Steps { get; private set; }

    /// <summary>Training samples committed by this run.</summary>
    public long Samples { get; private set; }

    /// <summary>Steps committed by this run.</summary>
    public long StepsThisRun { get; private set; }

    /// <summary>Time that evaluations took.</summary>
    public TimeSpan Evaluating { get; private set; }

    /// <summary>When the first and the last step of this run were committed.</summary>
    public TimeSpan LastCommit { get; private set; }

    private TimeSpan _lastRecord;
    private TimeSpan? _seatLost;

    /// <summary>null: nothing of layers is measured.</summary>
    public LayerFigures? Layers { get; init; }

    /// <summary>null: units are not looked at.</summary>
    public UnitWatch? Units { get; init; }

    /// <summary>null: no verdict ends the run.</summary>
    public VerdictWatch? Watch { get; init; }

    protected override void Perform(in Effect effect, Device device)
    {
        switch (effect.Kind)
        {
            case EffectKind.Send:
                Send(effect.Message);
                break;
            case EffectKind.Recalled:
                Recall((RecalledLog)effect.Payload!);
                break;
            case EffectKind.Committed:
                Commit(effect.Entry, effect.Message.Flag);
                break;
            case EffectKind.Event:
                Show((JobEvent)effect.Payload!);
                break;
            case EffectKind.ReadRegister:
                register.Read(Answer(effect, MessageKind.RegisterRead));
                break;
            case EffectKind.WriteRegister:
                register.Write((RegisterRecord)effect.Payload!, effect.Message.Step, Answer(effect, MessageKind.RegisterWritten));
                break;
            case EffectKind.ListCheckpoints:
                store.List(Answer(effect, MessageKind.CheckpointsListed));
                break;
            case EffectKind.VerifyCheckpoint:
                store.Verify((RestoreFrom)effect.Payload!, Answer(effect, MessageKind.CheckpointVerified));
                break;
            case EffectKind.PublishManifest:
                store.Publish((CheckpointManifest)effect.Payload!, Answer(effect, MessageKind.ManifestPublished));
                break;
            case EffectKind.Ended:
                (State, Reason) = (effect.State, effect.Text ?? "");
                ended(this);
                break;
            default:
                break;
        }
    }

    protected virtual void Send(in Message message) => Machines.Deliver(message);

    private void Commit(in LogEntry entry, bool replayed)
    {
        var record = LossLog.RecordOf(entry);
        // Recomputed after a restore: the log was cut back with the weights, so it is appended like any other.
        log.Append(record);
        lock (_progressing) _progress = _progress.With(record);
        var now = Machines.Now;
        TrainingSpans.Tell(entry.IsEvaluation ? "evaluation" : "step", Machines.Job, entry.IsEvaluation ? record.Step : record.Step + 1, now - _lastRecord);
        if (entry.IsEvaluation) Evaluating += now - _lastRecord;
        else (Steps, StepsThisRun, Samples, LastCommit) = (record.Step + 1, StepsThisRun + (replayed ? 0 : 1), Samples + record.Samples, now);
        _lastRecord = now;
        var values = entry.IsEvaluation ? Units?.Measure() : Layers?.Measure(record.Step, machine.BlockSquares, machine.BlockUpdates, machine.BlockWeights, record.GradientNorm);
        if (!tellsPast || !IsTold(record)) Tell(record, now, values);
        if (Watch?.Add(record, values) is not { } end) return;
        feed?.Write(new RunRecord { Kind = RunRecordKind.Event, Step = record.Step, Text = end.Reason, Seconds = now.TotalSeconds });
        // The next step is open already: the run ends after it, wherever it runs.
        Post(StopRequest(record.Step + 1));
    }

    private void Recall(RecalledLog recalled)
    {
        store.Recall(recalled);
        if (Watch?.Restart(log) is not null) Post(StopRequest());
        if (!tellsPast) return;
        Steps = 0;
        lock (_progressing) _progress = JobProgress.None;
        for (var i = 0; i < log.Count; i++)
        {
            var record = log[i];
            lock (_progressing) _progress = _progress.With(record);
            if (!IsTold(record)) Tell(record, Machines.Now);
            if (record.Kind != LossRecordKind.Evaluation) Steps = record.Step + 1;
        }
    }

    private bool IsTold(in LossRecord record) => record.Kind == LossRecordKind.Evaluation ? record.Step <= _told.Evaluation : record.Step < _told.Steps;

    private void Tell(in LossRecord record, TimeSpan now, IReadOnlyDictionary<string, double>? values = null)
    {
        var evaluation = record.Kind == LossRecordKind.Evaluation;
        _told = evaluation ? (_told.Steps, record.Step) : (record.Step + 1, _told.Evaluation);
        feed?.Write(new RunRecord
        {
            Kind = evaluation ? RunRecordKind.Evaluation : RunRecordKind.Step, Step = evaluation ? record.Step : record.Step + 1, Loss = record.Loss,
            Accuracy = record.Samples > 0 ? (double)record.Correct / record.Samples : 0, Samples = record.Samples, LearningRate = record.LearningRate,
            GradientNorm = record.GradientNorm, ClippedNorm = record.GradientNorm * record.Coefficient, Seconds = now.TotalSeconds, Values = values,
        });
    }

    /// <summary>Save and end: before step <paramref name="step"/>, or with -1 before the next.</summary>
    public Message StopRequest(long step = -1) => new()
    {
        Kind = MessageKind.Control, From = new Address(Role.Client, 0), To = Address.Job, Job = Machines.JobKey, Payload = new Control($"stop-{Guid.NewGuid():N}", ControlKind.Stop, 0, step),
    };

    private void Show(JobEvent jobEvent)
    {
        if (jobEvent.Kind == JobEventKind.SeatLost) _seatLost = Machines.Now;
        if (jobEvent.Kind == JobEventKind.ShardPromoted) TrainingSpans.Tell("promotion", Machines.Job, jobEvent.Step, Machines.Now - (_seatLost ?? Machines.Now));
        if (!store.IsDurable && jobEvent.Kind is (JobEventKind.CheckpointPublished or JobEventKind.CheckpointSkipped)) return;
        var warning = jobEvent.Kind is JobEventKind.WorkerLost or JobEventKind.WorkerFailed or JobEventKind.WorkerRefused or JobEventKind.LeaseExpired or JobEventKind.SeatLost or JobEventKind.CheckpointAbandoned
            or JobEventKind.CheckpointSkipped or JobEventKind.Alarm or JobEventKind.StepSkipped or JobEventKind.RolledBack or JobEventKind.SchedulerStalled;
        if (warning) Machines.Warn(jobEvent.Text, jobEvent.Step, jobEvent.Kind);
        else feed?.Write(new RunRecord { Kind = RunRecordKind.Event, About = jobEvent.Kind, Step = jobEvent.Step, Text = jobEvent.Text, Seconds = Machines.Now.TotalSeconds });
    }
}
