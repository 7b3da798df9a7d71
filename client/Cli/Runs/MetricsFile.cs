using System.Buffers;
using System.Text.Json;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>One line of JSON for each step, evaluation, event and warning, in order. A resumed run takes up where its checkpoint stands: later lines of the old run are dropped.</summary>
internal sealed class MetricsFile : IDisposable
{
    private readonly string _path;
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Utf8JsonWriter _json;
    private readonly List<RunRecord> _early = [];
    private FileStream? _file;

    public MetricsFile(string path)
    {
        _path = path;
        _json = new Utf8JsonWriter(_line);
    }

    public void Write(in RunRecord record)
    {
        if (record.Kind is RunRecordKind.Phases) return;
        if (record.Kind is RunRecordKind.Event or RunRecordKind.Warning)
        {
            Event(record);
            return;
        }
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

    // Events of a run's beginning come before it is known at which step it takes up.
    private void Event(in RunRecord record)
    {
        if (_file is null) _early.Add(record);
        else WriteEvent(_file, record);
    }

    private void WriteEvent(FileStream file, in RunRecord record)
    {
        _line.Clear();
        _json.Reset(_line);
        _json.WriteStartObject();
        _json.WriteString("kind"u8, record.Kind is RunRecordKind.Event ? "event"u8 : "warning"u8);
        _json.WriteNumber("step"u8, record.Step);
        _json.WriteString("text"u8, record.Text);
        Finite("seconds"u8, Math.Round(record.Seconds, 4));
        _json.WriteEndObject();
        _json.Flush();
        file.Write(_line.WrittenSpan);
        file.WriteByte((byte)'\n');
    }

    public void Dispose()
    {
        _file?.Dispose();
        _json.Dispose();
    }

    private FileStream Open(long firstStep)
    {
        var goesOn = File.Exists(_path) && firstStep > 1;
        if (goesOn)
        {
            var kept = File.ReadLines(_path).TakeWhile(line => StepOf(line) is { } step && step < firstStep).ToArray();
            RunFolder.WriteWhole(_path, string.Concat(kept.Select(line => line + "\n")));
        }
        var file = new FileStream(_path, goesOn ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Read, 1 << 16);
        foreach (var record in _early) WriteEvent(file, record);
        _early.Clear();
        return file;
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
