using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>MetricPoint: 11 fields in the order below.</summary>
public sealed class MetricPointFormatter() : FieldsFormatter<MetricPoint>("a metric point", 11)
{
    protected override void Write(ref MessagePackWriter writer, MetricPoint value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Sequence);
        writer.Write(value.Kind);
        writer.Write(value.Step);
        writer.Write(value.Epoch);
        writer.Write(value.Seconds);
        writer.Write(value.Loss);
        writer.Write(value.Accuracy);
        writer.Write(value.Samples);
        writer.Write(value.LearningRate);
        writer.Write(value.GradientNorm);
        writer.Write(value.ClippedNorm);
    }

    protected override MetricPoint Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new()
    {
        Sequence = reader.ReadInt64(), Kind = Text(ref reader, "kind"), Step = reader.ReadInt64(), Epoch = reader.ReadDouble(), Seconds = reader.ReadDouble(),
        Loss = reader.ReadDouble(), Accuracy = reader.ReadDouble(), Samples = reader.ReadInt64(), LearningRate = reader.ReadDouble(),
        GradientNorm = reader.ReadDouble(), ClippedNorm = reader.ReadDouble(),
    };
}
