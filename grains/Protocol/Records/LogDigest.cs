using System.Buffers.Binary;

namespace DistTrain.Protocol;

/// <summary>The loss log as one value: d(0) = 0, d(k) = SHA-256(d(k-1) || record k). Equal digests: every committed record is equal, bit for bit and in order.</summary>
public readonly record struct LogDigest(ulong A, ulong B, ulong C, ulong D)
{
    public const int Bytes = 32;

    public LogDigest With(in StepRecord record)
    {
        Span<byte> bytes = stackalloc byte[Bytes + StepRecord.Bytes];
        Write(bytes);
        record.Write(bytes[Bytes..]);
        return Of(bytes);
    }

    public LogDigest With(in EvaluationRecord record)
    {
        Span<byte> bytes = stackalloc byte[Bytes + EvaluationRecord.Bytes];
        Write(bytes);
        record.Write(bytes[Bytes..]);
        return Of(bytes);
    }

    /// <summary>64 lower-case hex digits, as a manifest stores it.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        Write(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    public static LogDigest Parse(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        if (bytes.Length != Bytes) throw new FormatException($"a loss log digest has {Bytes * 2} hex digits, this has {hex.Length}.");
        return Read(bytes);
    }

    private static LogDigest Of(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[Bytes];
        Sha256.Hash(bytes, hash);
        return Read(hash);
    }

    private static LogDigest Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]), BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]));

    private void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt64BigEndian(to, A);
        BinaryPrimitives.WriteUInt64BigEndian(to[8..], B);
        BinaryPrimitives.WriteUInt64BigEndian(to[16..], C);
        BinaryPrimitives.WriteUInt64BigEndian(to[24..], D);
    }
}
