using System.Numerics;
using System.Runtime.InteropServices;

namespace DistTrain.Kernels;

/// <summary>
/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial and final complement), as iSCSI and SSE 4.2 have it:
/// the check value of "123456789" is 0xE3069283. Incremental: Append(Of(a), b) = Of(a followed by b).
/// </summary>
public static class Crc32C
{
    // One CRC instruction takes three cycles but a new one may start every cycle: three independent streams of this many
    // bytes run side by side, and the first two are then moved past the bytes that follow them.
    private const int StreamBytes = 1024;

    private const uint Polynomial = 0x82F63B78;

    private static readonly uint[] _pastOneStream = ShiftTable(StreamBytes);

    public static uint Of(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of everything behind <paramref name="crc"/> followed by <paramref name="data"/>; 0 is the checksum of nothing.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        crc = ~crc;
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
        return ~crc;
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
