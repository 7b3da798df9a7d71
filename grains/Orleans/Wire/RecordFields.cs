using DistTrain.Protocol;
using MessagePack;

namespace DistTrain.Grains;

/// <summary>Committed records and openings, field by field. A value that is not set is nil.</summary>
internal static class RecordFields
{
    private const int StepFields = 9;
    private const int EvaluationFields = 4;
    private const int OpenFields = 10;

    public static void Write(ref MessagePackWriter writer, in EvaluationTotals totals)
    {
        if (totals == default)
        {
            writer.WriteNil();
            return;
        }
        writer.WriteArrayHeader(4);
        writer.Write(totals.Loss);
        writer.Write(totals.Correct);
        writer.Write(totals.Samples);
        writer.Write(totals.Weight);
    }

    public static EvaluationTotals ReadTotals(ref MessagePackReader reader)
    {
        if (reader.TryReadNil()) return default;
        var sent = FieldCount.Begin(ref reader, "an evaluation's totals", 4);
        var totals = new EvaluationTotals(reader.ReadDouble(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadDouble());
        FieldCount.End(ref reader, sent, 4);
        return totals;
    }

    // Array of 9: a step; array of 4: an evaluation.
    public static void Write(ref MessagePackWriter writer, in LogEntry entry)
    {
        if (entry.IsEvaluation) Write(ref writer, entry.Evaluation);
        else Write(ref writer, entry.Step);
    }

    public static LogEntry ReadEntry(ref MessagePackReader reader)
    {
        var fields = reader.ReadArrayHeader();
        return fields switch
        {
            StepFields => new LogEntry(StepOf(ref reader)),
            EvaluationFields => new LogEntry(EvaluationOf(ref reader)),
            _ => throw new MessagePackSerializationException($"a record has {fields} fields; it must have {StepFields} (a step) or {EvaluationFields} (an evaluation)."),
        };
    }

    public static void Write(ref MessagePackWriter writer, in EvaluationRecord evaluation)
    {
        writer.WriteArrayHeader(EvaluationFields);
        writer.Write(evaluation.Step);
        writer.Write(evaluation.Totals.Loss);
        writer.Write(evaluation.Totals.Correct);
        writer.Write(evaluation.Totals.Samples);
    }

    public static EvaluationRecord ReadEvaluation(ref MessagePackReader reader)
    {
        var sent = FieldCount.Begin(ref reader, "an evaluation", EvaluationFields);
        var evaluation = EvaluationOf(ref reader);
        FieldCount.End(ref reader, sent, EvaluationFields);
        return evaluation;
    }

    public static void Write(ref MessagePackWriter writer, in OpenStep open)
    {
        // The default value's last decision is one of step 0, which no decision of a step that is open can be.
        if (open is { Kind: StepKind.None, Step: 0, Last.Record: { Step: 0, Samples: 0, Coefficient: 0 } })
        {
            writer.WriteNil();
            return;
        }
        writer.WriteArrayHeader(OpenFields);
        writer.Write((byte)open.Kind);
        writer.Write(open.Step);
        writer.Write(open.Update);
        writer.Write(open.LearningRate);
        writer.Write(open.ClipNorm);
        writer.Write((byte)open.Policy);
        writer.WriteArrayHeader(open.Scalars.Count);
        for (var i = 0; i < open.Scalars.Count; i++) writer.Write(open.Scalars[i]);
        Write(ref writer, open.Last.Record);
        Write(ref writer, open.LastEvaluation);
        writer.Write(open.Save);
    }

    public static OpenStep ReadOpen(ref MessagePackReader reader)
    {
        if (reader.TryReadNil()) return default;
        var sent = FieldCount.Begin(ref reader, "an opening", OpenFields);
        var open = new OpenStep
        {
            Kind = FieldCount.Enumeration<StepKind>(ref reader), Step = reader.ReadInt64(), Update = reader.ReadInt64(), LearningRate = reader.ReadDouble(), ClipNorm = reader.ReadDouble(),
            Policy = FieldCount.Enumeration<NonFinitePolicy>(ref reader), Scalars = ReadScalars(ref reader), Last = new Decision(ReadStep(ref reader)),
            LastEvaluation = ReadEvaluation(ref reader), Save = reader.ReadBoolean(),
        };
        FieldCount.End(ref reader, sent, OpenFields);
        return open;
    }

    private static StepScalars ReadScalars(ref MessagePackReader reader)
    {
        var count = reader.ReadArrayHeader();
        if (count > StepScalars.Capacity) throw new MessagePackSerializationException($"an opening has {count} scalars; it must have at most {StepScalars.Capacity}.");
        Span<float> values = stackalloc float[StepScalars.Capacity];
        for (var i = 0; i < count; i++) values[i] = reader.ReadSingle();
        return new StepScalars(values[..count]);
    }

    private static void Write(ref MessagePackWriter writer, in StepRecord step)
    {
        writer.WriteArrayHeader(StepFields);
        writer.Write(step.Step);
        writer.Write(step.Epoch);
        writer.Write(step.Loss);
        writer.Write(step.Correct);
        writer.Write(step.Samples);
        writer.Write(step.Norm);
        writer.Write(step.Coefficient);
        writer.Write(step.LearningRate);
        writer.Write(step.Skipped);
    }

    private static StepRecord ReadStep(ref MessagePackReader reader)
    {
        var sent = FieldCount.Begin(ref reader, "a step's record", StepFields);
        var step = StepOf(ref reader);
        FieldCount.End(ref reader, sent, StepFields);
        return step;
    }

    private static StepRecord StepOf(ref MessagePackReader reader) => new()
    {
        Step = reader.ReadInt64(), Epoch = reader.ReadInt32(), Loss = reader.ReadDouble(), Correct = reader.ReadDouble(), Samples = reader.ReadInt32(),
        Norm = reader.ReadDouble(), Coefficient = reader.ReadSingle(), LearningRate = reader.ReadDouble(), Skipped = reader.ReadBoolean(),
    };

    private static EvaluationRecord EvaluationOf(ref MessagePackReader reader) =>
        new(reader.ReadInt64(), new EvaluationTotals(reader.ReadDouble(), reader.ReadInt64(), reader.ReadInt64()));
}
