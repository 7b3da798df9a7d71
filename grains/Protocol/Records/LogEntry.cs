namespace DistTrain.Protocol;

/// <summary>One committed record: a training step or an evaluation.</summary>
public readonly struct LogEntry
{
    public LogEntry(in StepRecord step) => Step = step;

    public LogEntry(in EvaluationRecord evaluation) => (Evaluation, IsEvaluation) = (evaluation, true);

    public bool IsEvaluation { get; }

    /// <summary>Set when not <see cref="IsEvaluation"/>.</summary>
    public StepRecord Step { get; }

    public EvaluationRecord Evaluation { get; }

    public LogDigest AddTo(LogDigest log) => IsEvaluation ? log.With(Evaluation) : log.With(Step);
}
