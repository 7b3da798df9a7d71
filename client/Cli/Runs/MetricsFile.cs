using System.Buffers;
using System.Text.Json;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>One line of JSON for each step and evaluation, in order. A resumed run takes up where its checkpoint stands: later lines of the old run are dropped.</summary>
internal sealed class MetricsFile : IDisposable
{
    private readonly string _path;
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Utf8JsonWriter _json;
    private FileStream? _file;

    public MetricsFile(string path)
    {
        _path = path;
        _json = new Utf8JsonWriter(_line);
    }

    public void Write(in RunRecord record)
    {
        if (record.Kind is not (RunRecordKind.Step or RunRecordKind.Evaluation)) return;
        _file ??= Open(record.Step);
        _line.Clear();
        _json.Reset(_line);
        _json.WriteStartObject();
        _json.WriteString("kind"u8, record.Kind is RunRecordKind.Step ? "step"u8 : "evaluation"u8);
        _json.WriteNumber("step"u8, record.Step);
        Finite("loss"u8, record.Loss);
        Finite("accuracy"u8, record.Accuracy);
        if (record.Kind is RunRecordKind.Step)
        {
            Finite("learningRate"u8, record.LearningRate);
            Finite("gradientNorm"u8, record.GradientNorm);
        }
        _json.WriteNumber("samples"u8, record.Samples);
        Finite("seconds"u8, Math.Round(record.Seconds, 4));
        _json.WriteEndObject();
        _json.Flush();
        _file.Write(_line.WrittenSpan);
        _file.WriteByte((byte)'\n');
    }

    public void Dispose()
    {
        _file?.Dispose();
        _json.Dispose();
    }

    private FileStream Open(long firstStep)
    {
        if (File.Exists(_path) && firstStep > 1)
        {
            var kept = File.ReadLines(_path).TakeWhile(line => StepOf(line) is { } step && step < firstStep).ToArray();
            RunFolder.WriteWhole(_path, string.Concat(kept.Select(line => line + "\n")));
            return new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.Read, 1 << 16);
        }
        return new FileStream(_path, FileMode.Create, FileAccess.Write, FileShare.Read, 1 << 16);
    }

    private static long? StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception torn) when (torn is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private void Finite(ReadOnlySpan<byte> name, double value)
    {
        if (double.IsFinite(value)) _json.WriteNumber(name, value);
        else _json.WriteString(name, value.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }
}
