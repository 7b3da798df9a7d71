using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>Verdict: 12 fields; the window is its two steps.</summary>
public sealed class VerdictFormatter() : FieldsFormatter<Verdict>("a verdict", 12)
{
    protected override void Write(ref MessagePackWriter writer, Verdict value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name);
        writer.Write(value.Rule);
        writer.Write((byte)value.Severity);
        writer.Write(value.Sentence);
        writer.Write(value.Confidence);
        WireFields.WriteList(ref writer, value.Evidence, options);
        WireFields.WriteList(ref writer, value.Advice, options);
        writer.Write(value.Window.FromStep);
        writer.Write(value.Window.ToStep);
        WireFields.WriteList(ref writer, value.AlsoFound, options);
        WireFields.WriteList(ref writer, value.ChecksRan, options);
        WireFields.WriteList(ref writer, value.ChecksSkipped, options);
    }

    protected override Verdict Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new(
        Text(ref reader, "name"), Text(ref reader, "rule"), ReadSeverity(ref reader), Text(ref reader, "sentence"), reader.ReadDouble(),
        WireFields.ReadList<VerdictEvidence>(ref reader, options), WireFields.ReadList<string>(ref reader, options),
        new StepWindow(reader.ReadInt64(), reader.ReadInt64()), WireFields.ReadList<AlsoFound>(ref reader, options),
        WireFields.ReadList<string>(ref reader, options), WireFields.ReadList<SkippedCheck>(ref reader, options));

    internal static VerdictSeverity ReadSeverity(ref MessagePackReader reader)
    {
        var severity = (VerdictSeverity)reader.ReadByte();
        return Enum.IsDefined(severity) ? severity : throw new MessagePackSerializationException($"a severity is {(int)severity}; it must be 0 to {(int)VerdictSeverity.Error}.");
    }
}

/// <summary>VerdictEvidence: name, value, text.</summary>
public sealed class VerdictEvidenceFormatter() : FieldsFormatter<VerdictEvidence>("a piece of evidence", 3)
{
    protected override void Write(ref MessagePackWriter writer, VerdictEvidence value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name);
        writer.Write(value.Value);
        writer.Write(value.Text);
    }

    protected override VerdictEvidence Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(Text(ref reader, "name"), reader.ReadDouble(), Text(ref reader, "text"));
}

/// <summary>AlsoFound: name, severity, sentence.</summary>
public sealed class AlsoFoundFormatter() : FieldsFormatter<AlsoFound>("a finding", 3)
{
    protected override void Write(ref MessagePackWriter writer, AlsoFound value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name);
        writer.Write((byte)value.Severity);
        writer.Write(value.Sentence);
    }

    protected override AlsoFound Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(Text(ref reader, "name"), VerdictFormatter.ReadSeverity(ref reader), Text(ref reader, "sentence"));
}

/// <summary>SkippedCheck: name, reason.</summary>
public sealed class SkippedCheckFormatter() : FieldsFormatter<SkippedCheck>("a skipped check", 2)
{
    protected override void Write(ref MessagePackWriter writer, SkippedCheck value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name);
        writer.Write(value.Reason);
    }

    protected override SkippedCheck Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new(Text(ref reader, "name"), Text(ref reader, "reason"));
}
