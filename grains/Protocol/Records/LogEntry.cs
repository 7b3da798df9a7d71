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

    /// <summary>Room for any record's bytes.</summary>
    public const int Bytes = 64;

    /// <summary>The bytes that the log's digest is over, little-endian, then zeros: a record is the same wherever it goes.</summary>
    public void Write(Span<byte> to)
    {
        to[..Bytes].Clear();
        if (IsEvaluation) Evaluation.Write(to);
        else Step.Write(to);
    }

    /// <exception cref="FormatException">Not a record.</exception>
    public static LogEntry Read(ReadOnlySpan<byte> from) => from[0] switch
    {
        (byte)'S' => new LogEntry(StepRecord.Read(from)),
        (byte)'E' => new LogEntry(EvaluationRecord.Read(from)),
        _ => throw new FormatException($"a record is of kind {from[0]}. It must be {(byte)'S'} or {(byte)'E'}."),
    };

    public LogDigest AddTo(LogDigest log) => IsEvaluation ? log.With(Evaluation) : log.With(Step);
}
