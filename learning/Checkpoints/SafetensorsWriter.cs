using System.Runtime.InteropServices;

namespace DistTrain.Learning;

/// <summary>Writes a safetensors file to a stream, front to back: the header at once, then every tensor's elements in the header's order, in pieces of any size.</summary>
public sealed class SafetensorsWriter
{
    private readonly Stream _stream;
    private long _at;

    /// <param name="stream">Written from its present position; left open, never flushed or synced: that is its owner's decision.</param>
    /// <param name="header">Names, types and shapes, from <see cref="SafetensorsHeader.For"/>.</param>
    public SafetensorsWriter(Stream stream, SafetensorsHeader header)
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("safetensors files hold little-endian numbers, and so must this machine's memory.");
        (_stream, Header) = (stream, header);
        stream.Write(header.ToBytes());
    }

    public SafetensorsHeader Header { get; }

    /// <summary>The next elements; they may end one tensor and begin the next of the same type.</summary>
    public void Write<T>(ReadOnlySpan<T> elements) where T : unmanaged => Write(MemoryMarshal.AsBytes(elements));

    /// <summary>The next bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        var left = Header.FileBytes - Header.DataStart - _at;
        if (bytes.Length > left) throw new InvalidOperationException($"{bytes.Length} bytes are written, but the header leaves room for {left}.");
        _stream.Write(bytes);
        _at += bytes.Length;
    }

    /// <summary>Checks that every tensor was written to its end.</summary>
    public void Complete()
    {
        var whole = Header.FileBytes - Header.DataStart;
        if (_at != whole) throw new InvalidOperationException($"{_at} bytes of tensors were written; the header describes {whole}.");
    }
}
