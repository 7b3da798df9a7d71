using System.Buffers;
using System.Text;
using System.Text.Json;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>One line of JSON for each step, evaluation, event and warning, in order. A resumed run takes up where its checkpoint stands: later lines of the old run are dropped.</summary>
/// <remarks>A disk that refuses ends the file, never the run: <see cref="Failure"/> says so once, and a later resume fills the gap from its checkpoint.</remarks>
internal sealed class MetricsFile : IDisposable
{
    private const int MostPending = 1 << 16;

    private readonly string _path;
    private readonly Func<long, LossLog?> _committedAt;
    private readonly Func<string, Stream> _append;
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly ArrayBufferWriter<byte> _pending = new(MostPending);
    private readonly Utf8JsonWriter _json;
    private readonly List<RunRecord> _early = [];
    private Stream? _file;
    private double _flushed;

    /// <param name="committedAt">The records of the checkpoint after so many steps, for lines that a crash kept from the disk; null where there is none.</param>
    /// <param name="append">Opens a file to write at its end, without a buffer; null = on disk.</param>
    public MetricsFile(string path, Func<long, LossLog?> committedAt, Func<string, Stream>? append = null)
    {
        (_path, _committedAt, _append) = (path, committedAt, append ?? (static file => new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.Read, 0)));
        _json = new Utf8JsonWriter(_line);
    }

    /// <summary>Why the file ends before the run does; null where it holds every record so far.</summary>
    public string? Failure { get; private set; }

    public void Write(in RunRecord record)
    {
        if (record.Kind is RunRecordKind.Phases || Failure is not null) return;
        // Events of a run's beginning come before it is known at which step it takes up.
        if (_file is null && record.Kind is RunRecordKind.Event or RunRecordKind.Warning)
        {
            _early.Add(record);
            return;
        }
        try
        {
            _file ??= Open(record.Step);
            Line(record);
            if (_pending.WrittenCount < MostPending && record.Kind is not RunRecordKind.Evaluation && record.Seconds < _flushed + 1) return;
            Flush();
            _flushed = record.Seconds;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            End(error);
        }
    }

    /// <summary>Writes what is pending and closes the file; afterwards <see cref="Failure"/> has its last word.</summary>
    public void Close()
    {
        if (_file is null) return;
        try
        {
            Flush();
            _file.Dispose();
            _file = null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            End(error);
        }
    }

    public void Dispose()
    {
        Close();
        _json.Dispose();
    }

    // Unbuffered, so closing has nothing left to write that could fail again.
    private void End(Exception error)
    {
        Failure = $"{_path} could not be written: {error.Message.TrimEnd('.')}. The run went on without it.";
        _pending.Clear();
        _file?.Dispose();
        _file = null;
    }

    private void Flush()
    {
        _file!.Write(_pending.WrittenSpan);
        _pending.Clear();
    }

    private void Line(in RunRecord record)
    {
        if (record.Kind is RunRecordKind.Event or RunRecordKind.Warning) EncodeEvent(record);
        else Encode(record);
        _pending.Write(_line.WrittenSpan);
        _pending.Write("\n"u8);
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
            Finite("clippedNorm"u8, record.ClippedNorm);
        }
        _json.WriteNumber("samples"u8, record.Samples);
        Finite("seconds"u8, Math.Round(record.Seconds, 4));
        if (record.Values is { } values)
        {
            _json.WriteStartObject("values"u8);
            foreach (var (name, value) in values)
                if (double.IsFinite(value)) _json.WriteNumber(name, value);
                else _json.WriteString(name, value.ToString(System.Globalization.CultureInfo.InvariantCulture));
            _json.WriteEndObject();
        }
        _json.WriteEndObject();
        _json.Flush();
    }

    private void EncodeEvent(in RunRecord record)
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
    }

    private Stream Open(long firstStep)
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
                for (var i = 0; i < committed.Count; i++) text.Append(Text(committed[i])).Append('\n');
        }
        RunFolder.WriteWhole(_path, text.ToString());
        foreach (var record in _early) Line(record);
        _early.Clear();
        return _append(_path);
    }

    private string Text(in LossRecord record)
    {
        Encode(new RunRecord
        {
            Kind = record.Kind is LossRecordKind.Evaluation ? RunRecordKind.Evaluation : RunRecordKind.Step, Step = record.Kind is LossRecordKind.Evaluation ? record.Step : record.Step + 1,
            Loss = record.Loss, Accuracy = (double)record.Correct / Math.Max(1, record.Samples), LearningRate = record.LearningRate, GradientNorm = record.GradientNorm, ClippedNorm = record.GradientNorm * record.Coefficient, Samples = record.Samples, Seconds = double.NaN,
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
