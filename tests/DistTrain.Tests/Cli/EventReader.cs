using System.Buffers.Binary;
using System.Text;

namespace DistTrain.Tests.Cli;

/// <summary>One event of a TensorBoard file.</summary>
/// <param name="Time">Seconds since 1970.</param>
/// <param name="Version">Of the first event.</param>
internal sealed record ReadEvent(double Time, long Step, string? Version, IReadOnlyList<(string Tag, float Value)> Values)
{
    public override string ToString() => FormattableString.Invariant($"{Time} step {Step}{(Version is null ? "" : $" version {Version}")}{string.Concat(Values.Select(v => FormattableString.Invariant($" {v.Tag}={v.Value}")))}");
}

/// <summary>A reader that shares nothing with the writer: framing, both checksums (CRC-32C bit by bit), fields.</summary>
internal static class EventReader
{
    public static IReadOnlyList<ReadEvent> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var events = new List<ReadEvent>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            Assert.Equal(Masked(bytes.AsSpan(at + 12, length)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            events.Add(Event(bytes[(at + 12)..(at + 12 + length)]));
            at += 16 + length;
        }
        return events;
    }

    private static ReadEvent Event(byte[] message)
    {
        var (time, step, version, values) = (0.0, 0L, (string?)null, new List<(string, float)>());
        foreach (var (field, number, bytes) in Fields(message))
        {
            if (field == 1) time = BitConverter.Int64BitsToDouble(number);
            else if (field == 2) step = number;
            else if (field == 3) version = Encoding.UTF8.GetString(bytes);
            else
                foreach (var value in Fields(bytes))
                {
                    var parts = Fields(value.Bytes);
                    values.Add((Encoding.UTF8.GetString(parts[0].Bytes), BitConverter.Int32BitsToSingle((int)parts[1].Number)));
                }
        }
        return new ReadEvent(time, step, version, values);
    }

    private static List<(int Field, long Number, byte[] Bytes)> Fields(byte[] message)
    {
        var (fields, at) = (new List<(int, long, byte[])>(), 0);
        while (at < message.Length)
        {
            var key = Varint();
            switch (key & 7)
            {
                case 0: fields.Add(((int)(key >> 3), Varint(), [])); break;
                case 1: fields.Add(((int)(key >> 3), BinaryPrimitives.ReadInt64LittleEndian(message.AsSpan((at += 8) - 8)), [])); break;
                case 5: fields.Add(((int)(key >> 3), BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan((at += 4) - 4)), [])); break;
                default:
                    var length = (int)Varint();
                    fields.Add(((int)(key >> 3), 0, message[at..(at += length)]));
                    break;
            }
        }
        return fields;

        long Varint()
        {
            var (value, shift) = (0L, 0);
            for (; (message[at] & 0x80) != 0; shift += 7) value |= (long)(message[at++] & 0x7F) << shift;
            return value | (long)message[at++] << shift;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++) crc = (crc & 1) != 0 ? 0x82F63B78u ^ (crc >> 1) : crc >> 1;
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
    }
}
