using System.Buffers;
using System.Text;
using System.Text.Json;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>One line of JSON for each step, evaluation, event and warning, in order. A resumed run takes up where its checkpoint stands: later lines of the old run are dropped.</summary>
internal sealed class MetricsFile : IDisposable
{
    private readonly string _path;
    private readonly Func<long, LossLog?> _committedAt;
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Utf8JsonWriter _json;
    private readonly List<RunRecord> _early = [];
    private FileStream? _file;
    private double _flushed;

    /// <param name="committedAt">The records of the checkpoint after so many steps, for lines that a crash kept from the disk; null where there is none.</param>
    public MetricsFile(string path, Func<long, LossLog?> committedAt)
    {
        (_path, _committedAt) = (path, committedAt);
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
        Encode(record);
        _file.Write(_line.WrittenSpan);
        _file.WriteByte((byte)'\n');
        if (record.Kind is RunRecordKind.Step && record.Seconds < _flushed + 1) return;
        _file.Flush();
        _flushed = record.Seconds;
    }

    private void Encode(in RunRecord record)
    {
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
        var text = new StringBuilder();
        if (firstStep > 1)
        {
            // Lines of the old run where they reached the disk; else the records that its checkpoint brought back.
            var there = File.Exists(_path) ? File.ReadLines(_path).Where(line => StepOf(line) is { } step && step < firstStep).ToArray() : [];
            var steps = there.Where(line => line.StartsWith("{\"kind\":\"step\"", StringComparison.Ordinal)).Select(StepOf).ToHashSet();
            using var committed = _committedAt(firstStep - 1);
            if (committed is null || steps.Count == firstStep - 1)
                foreach (var line in there) text.Append(line).Append('\n');
            else
                for (var i = 0; i < committed.Count; i++) text.Append(Line(committed[i])).Append('\n');
        }
        RunFolder.WriteWhole(_path, text.ToString());
        var file = new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.Read, 1 << 16);
        foreach (var record in _early) WriteEvent(file, record);
        _early.Clear();
        return file;
    }

    private string Line(in LossRecord record)
    {
        Encode(new RunRecord
        {
            Kind = record.Kind is LossRecordKind.Evaluation ? RunRecordKind.Evaluation : RunRecordKind.Step, Step = record.Kind is LossRecordKind.Evaluation ? record.Step : record.Step + 1,
            Loss = record.Loss, Accuracy = (double)record.Correct / Math.Max(1, record.Samples), LearningRate = record.LearningRate, GradientNorm = record.GradientNorm, Samples = record.Samples, Seconds = double.NaN,
        });
        return Encoding.UTF8.GetString(_line.WrittenSpan);
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
        else if (name.SequenceEqual("seconds"u8)) _json.WriteNull(name);
        else _json.WriteString(name, value.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }
}
