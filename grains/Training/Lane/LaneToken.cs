using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace DistTrain.Training;

/// <summary>
/// Right to open a stream for one job until a moment: expiry (Unix milliseconds, 8 bytes, little-endian), HMAC-SHA256 over (expiry, job) under
/// the cluster key (32 bytes), the job's name (UTF-8, at most 256 bytes).
/// </summary>
public static class LaneToken
{
    private const int FixedBytes = 8 + 32;
    private const int MaxJobBytes = 256;

    public static byte[] NewClusterKey() => RandomNumberGenerator.GetBytes(32);

    public static byte[] Issue(ReadOnlySpan<byte> clusterKey, string job, DateTimeOffset expiry)
    {
        var name = Encoding.UTF8.GetBytes(job);
        if (name.Length > MaxJobBytes) throw new ArgumentException($"the job's name has {name.Length} bytes. It must have at most {MaxJobBytes}.", nameof(job));
        var token = new byte[FixedBytes + name.Length];
        BinaryPrimitives.WriteInt64LittleEndian(token, expiry.ToUnixTimeMilliseconds());
        name.CopyTo(token, FixedBytes);
        Sign(clusterKey, token, token.AsSpan(8, 32));
        return token;
    }

    /// <summary>Why the token does not open a stream of <paramref name="job"/>; null where it does.</summary>
    public static string? Refusal(ReadOnlySpan<byte> clusterKey, string job, ReadOnlySpan<byte> token, DateTimeOffset now)
    {
        if (token.Length < FixedBytes || token.Length > FixedBytes + MaxJobBytes) return $"the token has {token.Length} bytes. It must have {FixedBytes} to {FixedBytes + MaxJobBytes}.";
        Span<byte> expected = stackalloc byte[32];
        Sign(clusterKey, token, expected);
        if (!CryptographicOperations.FixedTimeEquals(expected, token.Slice(8, 32))) return "the token is not signed with this cluster's key. Ask the cluster for a new one.";
        if (!token[FixedBytes..].SequenceEqual(Encoding.UTF8.GetBytes(job))) return $"the token is for job {Encoding.UTF8.GetString(token[FixedBytes..])}. This stream is of job {job}.";
        var expiry = BinaryPrimitives.ReadInt64LittleEndian(token);
        return now.ToUnixTimeMilliseconds() >= expiry ? $"the token ended {now.ToUnixTimeMilliseconds() - expiry} ms ago. Ask the cluster for a new one." : null;
    }

    private static void Sign(ReadOnlySpan<byte> key, ReadOnlySpan<byte> token, Span<byte> signature)
    {
        Span<byte> message = stackalloc byte[8 + MaxJobBytes];
        token[..8].CopyTo(message);
        token[FixedBytes..].CopyTo(message[8..]);
        HMACSHA256.HashData(key, message[..(token.Length - 32)], signature);
    }
}
