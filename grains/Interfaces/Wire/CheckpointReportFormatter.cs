using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>CheckpointReport: step, test loss, test accuracy, at, bytes, manifest.</summary>
public sealed class CheckpointReportFormatter() : FieldsFormatter<CheckpointReport>("a checkpoint", 6)
{
    protected override void Write(ref MessagePackWriter writer, CheckpointReport value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Step);
        writer.Write(value.TestLoss);
        writer.Write(value.TestAccuracy);
        WireFields.WriteTime(ref writer, value.At);
        writer.Write(value.Bytes);
        writer.Write(value.Manifest);
    }

    protected override CheckpointReport Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(reader.ReadInt64(), reader.ReadDouble(), reader.ReadDouble(), WireFields.ReadTime(ref reader), reader.ReadInt64(), Text(ref reader, "manifest"));
}
