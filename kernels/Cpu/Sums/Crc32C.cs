using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>
/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial and final complement), as iSCSI and SSE 4.2 have it:
/// the check value of "123456789" is 0xE3069283. Incremental: Append(Of(a), b) = Of(a followed by b).
/// </summary>
public static unsafe class Crc32C
{
    // One CRC instruction takes three cycles but a new one may start every cycle: three independent streams of this many
    // bytes run side by side, and the first two are then moved past the bytes that follow them.
    private const int StreamBytes = 1024;

    private const uint Polynomial = 0x82F63B78;

    // Four vectors: enough of them that no product waits for the one before.
    private const int FoldBytes = 256;

    private static readonly uint[] _pastOneStream = ShiftTable(StreamBytes);
    private static readonly Vector128<ulong> _foldFactors = Vector128.Create(PowerOfX(8 * FoldBytes + 64 - 1), PowerOfX(8 * FoldBytes - 1));

    public static uint Of(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of everything behind <paramref name="crc"/> followed by <paramref name="data"/>; 0 is the checksum of nothing.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        crc = ~crc;
        if (Pclmulqdq.V512.IsSupported && data.Length >= 2 * FoldBytes)
        {
            var folded = data.Length / FoldBytes * FoldBytes;
            crc = Fold(crc, data[..folded]);
            data = data[folded..];
        }
        return ~Streams(crc, data);
    }

    /// <summary>The register after <paramref name="data"/>: three streams, then words, then bytes.</summary>
    internal static uint Streams(uint crc, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 3 * StreamBytes)
        {
            var first = MemoryMarshal.Cast<byte, ulong>(data[..StreamBytes]);
            var second = MemoryMarshal.Cast<byte, ulong>(data.Slice(StreamBytes, StreamBytes));
            var third = MemoryMarshal.Cast<byte, ulong>(data.Slice(2 * StreamBytes, StreamBytes));
            var (b, c) = (0u, 0u);
            for (var i = 0; i < first.Length && i < second.Length && i < third.Length; i++)
            {
                crc = BitOperations.Crc32C(crc, Little(first[i]));
                b = BitOperations.Crc32C(b, Little(second[i]));
                c = BitOperations.Crc32C(c, Little(third[i]));
            }
            crc = PastOneStream(PastOneStream(crc) ^ b) ^ c;
            data = data[(3 * StreamBytes)..];
        }
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(data)) crc = BitOperations.Crc32C(crc, Little(word));
        foreach (var value in data[(data.Length & ~7)..]) crc = BitOperations.Crc32C(crc, value);
        return crc;
    }

    // A message is a polynomial, and its checksum only depends on it modulo P: 256 bytes are carried over the next 256 by two carry-less products of each
    // 128 bits (lower half times x^(2048 + 64), upper half times x^2048, both modulo P) until 256 bytes are left that have the checksum of all. A product of two
    // bit-reversed numbers comes out one bit low, hence the powers less one. (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", 2009.)
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static uint Fold(uint crc, ReadOnlySpan<byte> data)
    {
        var factors = Vector512.Create(Vector256.Create(_foldFactors, _foldFactors), Vector256.Create(_foldFactors, _foldFactors));
        fixed (byte* start = data)
        {
            var (a, b, c, d) = (Vector512.Load((ulong*)start), Vector512.Load((ulong*)(start + 64)), Vector512.Load((ulong*)(start + 128)), Vector512.Load((ulong*)(start + 192)));
            a ^= Vector512.CreateScalar((ulong)crc);
            for (var at = (ulong*)(start + FoldBytes); at < start + data.Length; at += FoldBytes / sizeof(ulong))
            {
                a = Vector512.Xor(Pclmulqdq.V512.CarrylessMultiply(a, factors, 0x00), Pclmulqdq.V512.CarrylessMultiply(a, factors, 0x11)) ^ Vector512.Load(at);
                b = Vector512.Xor(Pclmulqdq.V512.CarrylessMultiply(b, factors, 0x00), Pclmulqdq.V512.CarrylessMultiply(b, factors, 0x11)) ^ Vector512.Load(at + 8);
                c = Vector512.Xor(Pclmulqdq.V512.CarrylessMultiply(c, factors, 0x00), Pclmulqdq.V512.CarrylessMultiply(c, factors, 0x11)) ^ Vector512.Load(at + 16);
                d = Vector512.Xor(Pclmulqdq.V512.CarrylessMultiply(d, factors, 0x00), Pclmulqdq.V512.CarrylessMultiply(d, factors, 0x11)) ^ Vector512.Load(at + 24);
            }
            var rest = stackalloc byte[FoldBytes];
            a.Store((ulong*)rest);
            b.Store((ulong*)(rest + 64));
            c.Store((ulong*)(rest + 128));
            d.Store((ulong*)(rest + 192));
            return Streams(0, new ReadOnlySpan<byte>(rest, FoldBytes));
        }
    }

    // x^n modulo P, bit-reversed in 64 bits.
    private static ulong PowerOfX(int n)
    {
        var register = 0x80000000u;
        for (var i = 0; i < n; i++) register = (register >> 1) ^ ((register & 1) * Polynomial);
        return (ulong)register << 32;
    }

    private static ulong Little(ulong word) => BitConverter.IsLittleEndian ? word : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word);

    private static uint PastOneStream(uint crc)
    {
        var table = _pastOneStream;
        return table[crc & 255] ^ table[256 + ((crc >> 8) & 255)] ^ table[512 + ((crc >> 16) & 255)] ^ table[768 + (crc >> 24)];
    }

    // A CRC register moved past zero bytes is linear over GF(2): one table for each of its four bytes.
    private static uint[] ShiftTable(int zeroBytes)
    {
        var ofBit = new uint[32];
        for (var bit = 0; bit < 32; bit++)
        {
            var register = 1u << bit;
            for (var i = 0; i < 8 * zeroBytes; i++) register = (register >> 1) ^ ((register & 1) * Polynomial);
            ofBit[bit] = register;
        }
        var table = new uint[4 * 256];
        for (var position = 0; position < 4; position++)
            for (var value = 0; value < 256; value++)
                for (var bit = 0; bit < 8; bit++)
                    if ((value >> bit & 1) != 0) table[256 * position + value] ^= ofBit[8 * position + bit];
        return table;
    }
}
