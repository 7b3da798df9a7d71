using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DistTrain.Protocol;

namespace DistTrain.Training;

public enum LossRecordKind : byte
{
    /// <summary>A step whose update was applied.</summary>
    Applied = 1,

    /// <summary>A step that was left out because its gradient was not finite.</summary>
    Skipped = 2,

    /// <summary>An evaluation after <see cref="LossRecord.Step"/> committed steps.</summary>
    Evaluation = 3,
}

/// <summary>One committed record.</summary>
/// <param name="Kind">What was committed.</param>
/// <param name="Step">The step's number from 0; for an evaluation, the steps committed before it.</param>
/// <param name="Loss">Mean loss: of the step's samples as folded in float32, of the evaluation's in float64.</param>
/// <param name="Correct">Correct predictions.</param>
/// <param name="Samples">Real samples.</param>
/// <param name="GradientNorm">Global norm before clipping; 0 for an evaluation.</param>
/// <param name="Coefficient">Clip coefficient; 0 for an evaluation and a skipped step.</param>
/// <param name="LearningRate">Rate of the step; 0 for an evaluation.</param>
public readonly record struct LossRecord(LossRecordKind Kind, long Step, double Loss, long Correct, long Samples, double GradientNorm, float Coefficient, double LearningRate);

/// <summary>The committed records of a job in order, as bytes: 64 per record, little-endian. Two runs are the same run when these bytes are.</summary>
/// <remarks>Lives in native memory that doubles: appending makes no managed object. One thread appends; others may read single records and copies.</remarks>
public sealed unsafe class LossLog : IDisposable
{
    public const int RecordBytes = 64;

    private readonly Lock _gate = new();
    private byte* _bytes;
    private long _capacity;

    public LossLog(int records = 1024)
    {
        _capacity = Math.Max(1, records) * (long)RecordBytes;
        _bytes = (byte*)NativeMemory.Alloc((nuint)_capacity);
    }

    ~LossLog() => Free();

    public int Count { get; private set; }

    public ReadOnlySpan<byte> Bytes => new(_bytes, checked(Count * RecordBytes));

    /// <summary>A copy of the first records' bytes; safe while another thread appends.</summary>
    public byte[] Copy(long records)
    {
        lock (_gate) return Bytes[..checked((int)records * RecordBytes)].ToArray();
    }

    public LossRecord this[int index]
    {
        get
        {
            lock (_gate)
            {
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
                return Parse(Bytes.Slice(index * RecordBytes, RecordBytes));
            }
        }
    }

    /// <summary>null before the first.</summary>
    public LossRecord? LastEvaluation
    {
        get
        {
            for (var i = Count - 1; i >= 0; i--)
                if (this[i] is { Kind: LossRecordKind.Evaluation } record) return record;
            return null;
        }
    }

    public void Append(in LossRecord record)
    {
        lock (_gate)
        {
            var start = (long)Count * RecordBytes;
            if (start == _capacity)
            {
                _capacity *= 2;
                _bytes = (byte*)NativeMemory.Realloc(_bytes, (nuint)_capacity);
            }
            var bytes = new Span<byte>(_bytes + start, RecordBytes);
            BinaryPrimitives.WriteInt64LittleEndian(bytes, (long)record.Kind);
            BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], record.Step);
            BinaryPrimitives.WriteDoubleLittleEndian(bytes[16..], record.Loss);
            BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], record.Correct);
            BinaryPrimitives.WriteInt64LittleEndian(bytes[32..], record.Samples);
            BinaryPrimitives.WriteDoubleLittleEndian(bytes[40..], record.GradientNorm);
            BinaryPrimitives.WriteDoubleLittleEndian(bytes[48..], record.Coefficient);
            BinaryPrimitives.WriteDoubleLittleEndian(bytes[56..], record.LearningRate);
            Count++;
        }
    }

    /// <summary>A committed record of the scheduler as it is logged.</summary>
    internal static LossRecord RecordOf(in LogEntry entry)
    {
        if (entry.IsEvaluation) return new LossRecord(LossRecordKind.Evaluation, entry.Evaluation.Step, entry.Evaluation.MeanLoss, entry.Evaluation.Totals.Correct, entry.Evaluation.Totals.Samples, 0, 0, 0);
        var step = entry.Step;
        return new LossRecord(step.Skipped ? LossRecordKind.Skipped : LossRecordKind.Applied, step.Step, step.Loss, (long)step.Correct, step.Samples, step.Norm, step.Skipped ? 0 : step.Coefficient, step.LearningRate);
    }

    /// <summary>Replaces the content by records saved earlier.</summary>
    /// <exception cref="InvalidDataException">Not whole records of known kinds.</exception>
    public void Load(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % RecordBytes != 0)
            throw new InvalidDataException($"a loss log has {bytes.Length} bytes. It must be a multiple of {RecordBytes}.");
        lock (_gate) Count = 0;
        for (var start = 0; start < bytes.Length; start += RecordBytes)
        {
            var record = Parse(bytes.Slice(start, RecordBytes));
            if (record.Kind is < LossRecordKind.Applied or > LossRecordKind.Evaluation)
                throw new InvalidDataException($"record {start / RecordBytes} of a loss log is of kind {(int)record.Kind}. It must be 1 to 3.");
            Append(record);
        }
    }

    /// <summary>Lower-case hex over all records.</summary>
    public string Sha256() => Convert.ToHexStringLower(SHA256.HashData(Bytes));

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static LossRecord Parse(ReadOnlySpan<byte> bytes) => new(
        (LossRecordKind)BinaryPrimitives.ReadInt64LittleEndian(bytes),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadDoubleLittleEndian(bytes[16..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
        BinaryPrimitives.ReadDoubleLittleEndian(bytes[40..]),
        (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes[48..]),
        BinaryPrimitives.ReadDoubleLittleEndian(bytes[56..]));

    private void Free()
    {
        NativeMemory.Free(_bytes);
        _bytes = null;
    }
}
