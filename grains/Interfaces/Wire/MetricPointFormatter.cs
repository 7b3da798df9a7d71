using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>MetricPoint: 12 fields in the order below; the last is a map of at most <see cref="MostFigures"/> names, empty for null.</summary>
public sealed class MetricPointFormatter() : FieldsFormatter<MetricPoint>("a metric point", 12)
{
    /// <summary>Further figures of one point. Far more than a net has layers times figures of a layer, far fewer than a tensor has elements.</summary>
    public const int MostFigures = 4096;

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
        // What is beyond the bound is left out: a viewer misses it, training goes on.
        writer.WriteMapHeader(Math.Min(value.Values?.Count ?? 0, MostFigures));
        foreach (var (name, figure) in (value.Values ?? new Dictionary<string, double>()).Take(MostFigures))
        {
            writer.Write(name);
            writer.Write(figure);
        }
    }

    protected override MetricPoint Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new()
    {
        Sequence = reader.ReadInt64(), Kind = Text(ref reader, "kind"), Step = reader.ReadInt64(), Epoch = reader.ReadDouble(), Seconds = reader.ReadDouble(),
        Loss = reader.ReadDouble(), Accuracy = reader.ReadDouble(), Samples = reader.ReadInt64(), LearningRate = reader.ReadDouble(),
        GradientNorm = reader.ReadDouble(), ClippedNorm = reader.ReadDouble(), Values = Figures(ref reader),
    };

    private Dictionary<string, double>? Figures(ref MessagePackReader reader)
    {
        var left = reader.ReadMapHeader();
        if (left == 0) return null;
        if (left > MostFigures) throw new MessagePackSerializationException($"a metric point has {left} further figures; it must have at most {MostFigures}.");
        var values = new Dictionary<string, double>(Math.Min(left, 1024), StringComparer.Ordinal);
        for (; left > 0; left--) values[Text(ref reader, "name of a figure")] = reader.ReadDouble();
        return values;
    }
}
