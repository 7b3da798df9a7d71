using System.Buffers.Binary;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>
/// TensorBoard's event file: records of (length, masked CRC-32C of the length, bytes, masked CRC-32C of the bytes), each an Event with a scalar's tag, value and step.
/// github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.cc and util/event.proto
/// </summary>
internal sealed class EventFile : IDisposable
{
    private readonly Stream _file;
    private readonly double _start;

    private EventFile(string path, double start)
    {
        (Path, _start) = (path, start);
        _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        Record(new ProtoWriter().Double(1, start).Text(3, "brain.Event:2"));
    }

    public string Path { get; }

    /// <summary>A new file in a folder, named as TensorBoard looks for them.</summary>
    /// <param name="start">When the run began: wall times of points are told from it.</param>
    public static EventFile Create(string folder, string name, DateTimeOffset start)
    {
        Directory.CreateDirectory(folder);
        return new EventFile(System.IO.Path.Combine(folder, FormattableString.Invariant($"events.out.tfevents.{start.ToUnixTimeSeconds():D10}.{name}")), start.ToUnixTimeMilliseconds() / 1000.0);
    }

    /// <summary>A step or an evaluation, each figure under its own tag: <c>loss/train</c>, <c>loss/test</c>, <c>layer/NAME/gradNorm</c>.</summary>
    public void Write(in RunRecord record)
    {
        if (record.Kind is not (RunRecordKind.Step or RunRecordKind.Evaluation)) return;
        var step = record.Kind is RunRecordKind.Step;
        Write(step, record.Step, record.Seconds, record.Loss, record.Accuracy, record.LearningRate, record.GradientNorm, record.ClippedNorm, record.Values);
        if (!step) _file.Flush();
    }

    public void Write(bool step, long at, double seconds, double loss, double accuracy, double learningRate, double gradientNorm, double clippedNorm, IReadOnlyDictionary<string, double>? values)
    {
        var summary = new ProtoWriter();
        Add("loss/" + (step ? "train" : "test"), loss);
        Add("accuracy/" + (step ? "train" : "test"), accuracy);
        if (step)
        {
            Add("learningRate", learningRate);
            Add("gradientNorm/before", gradientNorm);
            Add("gradientNorm/after", clippedNorm);
        }
        foreach (var (name, value) in values ?? new Dictionary<string, double>()) Add(name, value);
        Record(new ProtoWriter().Double(1, _start + (double.IsFinite(seconds) ? seconds : 0)).Number(2, at).Message(5, summary));

        // What was not measured is left out; a loss that is not a number stays: TensorBoard marks it.
        void Add(string tag, double value)
        {
            if (!double.IsNaN(value) || tag.StartsWith("loss/", StringComparison.Ordinal)) summary.Message(1, new ProtoWriter().Text(1, tag).Single(2, (float)value));
        }
    }

    public void Dispose() => _file.Dispose();

    private void Record(ProtoWriter message)
    {
        var bytes = message.ToArray();
        var record = new byte[16 + bytes.Length];
        BinaryPrimitives.WriteInt64LittleEndian(record, bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        bytes.CopyTo(record, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + bytes.Length), Masked(bytes));
        _file.Write(record);
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = Crc32C.Of(bytes);
        return (crc >> 15 | crc << 17) + 0xA282EAD8u;
    }
}
