using System.Buffers.Binary;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>What a frame between two nodes is.</summary>
public enum LaneFrameKind : ushort
{
    /// <summary>First frame of either side: control is a <see cref="LaneGreeting"/>.</summary>
    Hello = 1,

    /// <summary>Opens a stream: control is an <see cref="OpenFrame"/>; Count is the credits granted.</summary>
    Open = 2,

    /// <summary>The stream is open; Count is the credits granted.</summary>
    Opened = 3,

    /// <summary>The stream is not opened, or closed: control says why, UTF-8. The link stays.</summary>
    Closed = 4,

    /// <summary>A message: control, and the payload's bytes from 0.</summary>
    Message = 5,

    /// <summary>More of a message's payload, from Offset.</summary>
    Part = 6,

    /// <summary>Count credits of the stream return.</summary>
    Credit = 7,

    /// <summary>The sender lives.</summary>
    Alive = 8,

    /// <summary>The sender leaves: control says why, UTF-8.</summary>
    Goodbye = 9,
}

/// <summary>
/// The fixed head of a frame between nodes, 64 bytes, little-endian: magic 0, version 4, kind 6, stream 8, message 12, control bytes 16,
/// payload bytes 20, message bytes 24, offset 28, count 32, control CRC-32C 36, reserved 40 (zero), CRC-32C of bytes 0..59 at 60.
/// Then the control bytes, the payload bytes and, where there are any, the payload's CRC-32C (4 bytes).
/// </summary>
/// <param name="Message">Number of the message, by stream and direction; a Part's is that of its Message.</param>
/// <param name="PayloadBytes">In this frame: at most <see cref="MaxPayloadBytes"/>.</param>
/// <param name="MessageBytes">Of the whole message's payload.</param>
/// <param name="Offset">Bytes of the message's payload before this frame's.</param>
/// <param name="Count">Credits.</param>
public readonly record struct LaneFrame(
    LaneFrameKind Kind, uint Stream = 0, uint Message = 0, int ControlBytes = 0, int PayloadBytes = 0, int MessageBytes = 0, int Offset = 0, int Count = 0, uint ControlCrc = 0)
{
    public const int HeadBytes = 64;
    public const int TrailerBytes = 4;
    public const uint Magic = 0x324C5444; // "DTL2"
    public const ushort Version = 1;

    /// <summary>Longest payload of one frame; longer ones are cut, so that others' frames go between.</summary>
    public const int MaxPayloadBytes = 4 << 20;

    /// <summary>Longest control part.</summary>
    public const int MaxControlBytes = 1 << 16;

    public void Write(Span<byte> head)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(head, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(head[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(head[6..], (ushort)Kind);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], Stream);
        BinaryPrimitives.WriteUInt32LittleEndian(head[12..], Message);
        BinaryPrimitives.WriteInt32LittleEndian(head[16..], ControlBytes);
        BinaryPrimitives.WriteInt32LittleEndian(head[20..], PayloadBytes);
        BinaryPrimitives.WriteInt32LittleEndian(head[24..], MessageBytes);
        BinaryPrimitives.WriteInt32LittleEndian(head[28..], Offset);
        BinaryPrimitives.WriteInt32LittleEndian(head[32..], Count);
        BinaryPrimitives.WriteUInt32LittleEndian(head[36..], ControlCrc);
        head[40..60].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(head[60..], Crc32C.Of(head[..60]));
    }

    /// <summary>Believes nothing before the checksum holds, and no length above its bound.</summary>
    /// <exception cref="LaneFormatException">Not a head of this version.</exception>
    public static LaneFrame Read(ReadOnlySpan<byte> head)
    {
        var magic = BinaryPrimitives.ReadUInt32LittleEndian(head);
        if (magic != Magic) throw new LaneFormatException($"a frame begins with 0x{magic:x8}. It must begin with 0x{Magic:x8}: the other side does not speak this protocol.");
        var (given, computed) = (BinaryPrimitives.ReadUInt32LittleEndian(head[60..]), Crc32C.Of(head[..60]));
        if (given != computed) throw new LaneFormatException($"a frame's head has checksum 0x{given:x8}. Its bytes give 0x{computed:x8}: it was damaged on the way.");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(head[4..]);
        if (version != Version) throw new LaneFormatException($"a frame is of version {version}. This side speaks version {Version}. Run the same release on both sides.");
        var frame = new LaneFrame((LaneFrameKind)BinaryPrimitives.ReadUInt16LittleEndian(head[6..]), BinaryPrimitives.ReadUInt32LittleEndian(head[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(head[12..]), BinaryPrimitives.ReadInt32LittleEndian(head[16..]), BinaryPrimitives.ReadInt32LittleEndian(head[20..]),
            BinaryPrimitives.ReadInt32LittleEndian(head[24..]), BinaryPrimitives.ReadInt32LittleEndian(head[28..]), BinaryPrimitives.ReadInt32LittleEndian(head[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(head[36..]));
        if (head[40..60].ContainsAnyExcept((byte)0)) throw new LaneFormatException("a frame's reserved bytes are not zero. This version keeps them zero.");
        frame.Check();
        return frame;
    }

    private void Check()
    {
        if (Kind is < LaneFrameKind.Hello or > LaneFrameKind.Goodbye) throw new LaneFormatException($"a frame is of kind {(int)Kind}. It must be {(int)LaneFrameKind.Hello} to {(int)LaneFrameKind.Goodbye}.");
        if ((uint)ControlBytes > MaxControlBytes) throw new LaneFormatException($"a {Kind} frame announces {ControlBytes} bytes of control. It must be 0 to {MaxControlBytes}.");
        var maxPayload = Kind is LaneFrameKind.Message or LaneFrameKind.Part ? MaxPayloadBytes : 0;
        if ((uint)PayloadBytes > maxPayload) throw new LaneFormatException($"a {Kind} frame announces {PayloadBytes} bytes of payload. It must be 0 to {maxPayload}.");
        if (Offset < 0 || MessageBytes < 0 || PayloadBytes > MessageBytes - Offset || (Kind != LaneFrameKind.Part && Offset != 0))
            throw new LaneFormatException($"a {Kind} frame holds {PayloadBytes} bytes from byte {Offset} on. Its message has {MessageBytes}.");
        if (Kind == LaneFrameKind.Part && (PayloadBytes == 0 || Offset == 0 || ControlBytes != 0)) throw new LaneFormatException($"a Part frame holds {PayloadBytes} bytes from byte {Offset} on and {ControlBytes} of control. It must hold payload after its message's first, and no control.");
        if (Kind == LaneFrameKind.Message && MessageBytes > 0 && PayloadBytes == 0) throw new LaneFormatException("a Message frame holds no byte of a payload that it announces. It must begin it.");
    }
}
