using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The scheduler of this process: keeps the committed records, tells viewers, and passes storage work on.</summary>
internal sealed class JobHost(JobMachine machine, MachineSet machines, StateStore store, LossLog log, RunFeed? feed) : MachineHost(machine, machines)
{
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

    protected override void Perform(in Effect effect, Device device)
    {
        switch (effect.Kind)
        {
            case EffectKind.Send:
                Machines.Deliver(effect.Message);
                break;
            case EffectKind.Committed:
                Commit(effect.Entry, effect.Message.Flag);
                break;
            case EffectKind.Event:
                Show((JobEvent)effect.Payload!);
                break;
            case EffectKind.ReadRegister:
                store.ReadRegister(Answer(effect, MessageKind.RegisterRead));
                break;
            case EffectKind.WriteRegister:
                store.WriteRegister((RegisterRecord)effect.Payload!, effect.Message.Step, Answer(effect, MessageKind.RegisterWritten));
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
                Machines.Stop();
                break;
            default:
                break;
        }
    }

    private void Commit(in LogEntry entry, bool replayed)
    {
        var record = entry.IsEvaluation ? Of(entry.Evaluation) : Of(entry.Step);
        // Recomputed after a restore: the log was cut back with the weights, so it is appended like any other.
        log.Append(record);
        var now = Machines.Now;
        if (entry.IsEvaluation) Evaluating += now - _lastRecord;
        else (Steps, StepsThisRun, Samples, LastCommit) = (record.Step + 1, StepsThisRun + (replayed ? 0 : 1), Samples + record.Samples, now);
        _lastRecord = now;
        feed?.Write(new RunRecord
        {
            Kind = entry.IsEvaluation ? RunRecordKind.Evaluation : RunRecordKind.Step, Step = entry.IsEvaluation ? record.Step : record.Step + 1, Loss = record.Loss,
            Accuracy = record.Samples > 0 ? (double)record.Correct / record.Samples : 0, Samples = record.Samples, LearningRate = record.LearningRate,
            GradientNorm = record.GradientNorm, Seconds = now.TotalSeconds,
        });
    }

    /// <summary>Save and end: before step <paramref name="step"/>, or with -1 before the next.</summary>
    public Message StopRequest(long step = -1) => new()
    {
        Kind = MessageKind.Control, From = new Address(Role.Client, 0), To = Address.Job, Job = Machines.JobKey, Payload = new Control($"stop-{Guid.NewGuid():N}", ControlKind.Stop, 0, step),
    };

    private void Show(JobEvent jobEvent)
    {
        if (!store.IsDurable && jobEvent.Kind is (JobEventKind.CheckpointPublished or JobEventKind.CheckpointSkipped)) return;
        var warning = jobEvent.Kind is JobEventKind.WorkerLost or JobEventKind.WorkerFailed or JobEventKind.WorkerRefused or JobEventKind.LeaseExpired or JobEventKind.SeatLost or JobEventKind.CheckpointAbandoned
            or JobEventKind.CheckpointSkipped or JobEventKind.Alarm or JobEventKind.StepSkipped or JobEventKind.RolledBack;
        if (warning) Machines.Warn(jobEvent.Text, jobEvent.Step);
        else feed?.Write(new RunRecord { Kind = RunRecordKind.Event, Step = jobEvent.Step, Text = jobEvent.Text, Seconds = Machines.Now.TotalSeconds });
    }

    private static LossRecord Of(in StepRecord step) => new(step.Skipped ? LossRecordKind.Skipped : LossRecordKind.Applied, step.Step, step.Loss, (long)step.Correct, step.Samples,
        step.Norm, step.Skipped ? 0 : step.Coefficient, step.LearningRate);

    private static LossRecord Of(in EvaluationRecord evaluation) =>
        new(LossRecordKind.Evaluation, evaluation.Step, evaluation.MeanLoss, evaluation.Totals.Correct, evaluation.Totals.Samples, 0, 0, 0);
}
