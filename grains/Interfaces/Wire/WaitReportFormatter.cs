using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>WaitReport: who, what, from, seconds, deadline in seconds, text.</summary>
public sealed class WaitReportFormatter() : FieldsFormatter<WaitReport>("a wait", 6)
{
    protected override void Write(ref MessagePackWriter writer, WaitReport value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Who);
        writer.Write(value.What);
        writer.Write(value.From);
        writer.Write(value.Seconds);
        writer.Write(value.DeadlineSeconds);
        writer.Write(value.Text);
    }

    protected override WaitReport Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(Text(ref reader, "who"), Text(ref reader, "what"), Text(ref reader, "from"), reader.ReadDouble(), reader.ReadDouble(), Text(ref reader, "text"));
}
