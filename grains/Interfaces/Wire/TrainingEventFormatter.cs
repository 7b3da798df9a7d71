using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>TrainingEvent: sequence, at, step, kind, severity, text.</summary>
public sealed class TrainingEventFormatter() : FieldsFormatter<TrainingEvent>("an event", 6)
{
    protected override void Write(ref MessagePackWriter writer, TrainingEvent value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Sequence);
        WireFields.WriteTime(ref writer, value.At);
        writer.Write(value.Step);
        writer.Write(value.Kind);
        writer.Write(value.Severity);
        writer.Write(value.Text);
    }

    protected override TrainingEvent Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(reader.ReadInt64(), WireFields.ReadTime(ref reader), reader.ReadInt64(), Text(ref reader, "kind"), Text(ref reader, "severity"), Text(ref reader, "text"));
}
