using System.Buffers.Binary;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>What a frame is.</summary>
public enum LaneKind : ushort
{
    /// <summary>Opens a stream: the payload is a token.</summary>
    Open = 1,

    /// <summary>The stream is open; the payload holds the credits and what the other side needs to begin.</summary>
    Opened = 2,

    /// <summary>The stream is not opened, or closed: the payload says why, UTF-8. The connection stays.</summary>
    Refused = 3,

    /// <summary>Work for a worker: micro-batches [First, First + Count) of Step.</summary>
    Lease = 4,

    /// <summary>Elements of the weights of Step, from Offset; with a Count, of those of the stages [First, First + Count).</summary>
    Weights = 5,

    /// <summary>Elements of the gradient of node (First, Count) of Step, from Offset.</summary>
    Gradient = 6,

    /// <summary>A Gradient frame was taken: one credit returns.</summary>
    Credit = 7,

    /// <summary>Evaluation micro-batches [First, First + Count) after Step committed steps.</summary>
    Evaluate = 8,

    /// <summary>Their sums.</summary>
    Evaluated = 9,

    /// <summary>The sender leaves in good order.</summary>
    Goodbye = 10,

    /// <summary>The worker's code threw: the payload is the text, UTF-8.</summary>
    Failure = 11,

    /// <summary>The worker's process lives, whatever it computes: sent every quarter of a second.</summary>
    Alive = 12,

    /// <summary>From now on the worker runs stages [First, First + Count) of a pipeline of Shard stages; what it has on its way is not wanted any more.</summary>
    Stage = 13,

    /// <summary>Elements of an activation, or of its gradient, from Offset: what the frame that follows works on, or what it gives.</summary>
    Activation = 14,

    /// <summary>The Offset activation elements sent before, micro-batches [First, First + Count) of Step, through the stages: answered by Activation frames and Passed.</summary>
    Forward = 15,

    /// <summary>The same micro-batches back: answered by Activation frames, Gradient frames and Passed.</summary>
    Backward = 16,

    /// <summary>Evaluation micro-batch First after Step committed steps, through the stages: answered by Activation frames and Passed.</summary>
    EvaluateStage = 17,

    /// <summary>The end of that answer; its payload is the sums of the last stage of an evaluation.</summary>
    Passed = 18,
}

/// <summary>Why bytes are not a frame; the connection that sent them is closed.</summary>
public sealed class LaneFormatException(string message) : IOException(message);

/// <summary>
/// The fixed head of a frame, 64 bytes, little-endian:
/// magic 0, version 4, kind 6, stream 8, shard 12, step 16, first 24, count 28, incarnation 32, offset 40, payload bytes 48, payload CRC-32C 52, reserved 56 (zero), CRC-32C of bytes 0..59 at 60.
/// </summary>
/// <param name="Stream">Job stream of this connection.</param>
/// <param name="Shard">Parameter shard; 0 where it does not apply.</param>
/// <param name="First">First micro-batch of the tree node.</param>
/// <param name="Count">Micro-batches of the tree node.</param>
/// <param name="Offset">Elements of the flat vector before the payload.</param>
/// <param name="PayloadBytes">At most <see cref="MaxPayloadBytes"/>.</param>
public readonly record struct LaneHeader(
    LaneKind Kind, uint Stream = 0, int Shard = 0, long Step = 0, int First = 0, int Count = 0, long Incarnation = 0, long Offset = 0, int PayloadBytes = 0, uint PayloadCrc = 0)
{
    public const int Bytes = 64;
    public const uint Magic = 0x314C5444; // "DTL1"
    public const ushort Version = 1;

    /// <summary>Longest payload of a frame that carries tensor elements; longer vectors are cut.</summary>
    public const int MaxPayloadBytes = 1 << 20;

    /// <summary>Longest payload of any other frame.</summary>
    public const int MaxControlBytes = 1 << 16;

    public static int MaxBytesOf(LaneKind kind) => kind is LaneKind.Weights or LaneKind.Gradient or LaneKind.Activation ? MaxPayloadBytes : MaxControlBytes;

    public void Write(Span<byte> head)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(head, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(head[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(head[6..], (ushort)Kind);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], Stream);
        BinaryPrimitives.WriteInt32LittleEndian(head[12..], Shard);
        BinaryPrimitives.WriteInt64LittleEndian(head[16..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(head[24..], First);
        BinaryPrimitives.WriteInt32LittleEndian(head[28..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(head[32..], Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(head[40..], Offset);
        BinaryPrimitives.WriteInt32LittleEndian(head[48..], PayloadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(head[52..], PayloadCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(head[56..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(head[60..], Crc32C.Of(head[..60]));
    }

    /// <summary>Believes nothing before the checksum holds, and no length above its kind's bound.</summary>
    /// <exception cref="LaneFormatException">Not a head of this version.</exception>
    public static LaneHeader Read(ReadOnlySpan<byte> head)
    {
        var magic = BinaryPrimitives.ReadUInt32LittleEndian(head);
        if (magic != Magic) throw new LaneFormatException($"a frame begins with 0x{magic:x8}. It must begin with 0x{Magic:x8}: the other side does not speak this protocol.");
        var (given, computed) = (BinaryPrimitives.ReadUInt32LittleEndian(head[60..]), Crc32C.Of(head[..60]));
        if (given != computed) throw new LaneFormatException($"a frame's head has checksum 0x{given:x8}. Its bytes give 0x{computed:x8}: it was damaged on the way.");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(head[4..]);
        if (version != Version) throw new LaneFormatException($"a frame is of version {version}. This side speaks version {Version}. Run the same release on both sides.");
        var kind = (LaneKind)BinaryPrimitives.ReadUInt16LittleEndian(head[6..]);
        if (kind is < LaneKind.Open or > LaneKind.Passed) throw new LaneFormatException($"a frame is of kind {(int)kind}. It must be {(int)LaneKind.Open} to {(int)LaneKind.Passed}.");
        var payload = BinaryPrimitives.ReadInt32LittleEndian(head[48..]);
        if (payload < 0 || payload > MaxBytesOf(kind)) throw new LaneFormatException($"a {kind} frame announces {payload} bytes. It must be 0 to {MaxBytesOf(kind)}.");
        if (BinaryPrimitives.ReadUInt32LittleEndian(head[56..]) != 0) throw new LaneFormatException("a frame's reserved bytes are not zero. This version keeps them zero.");
        return new LaneHeader(kind, BinaryPrimitives.ReadUInt32LittleEndian(head[8..]), BinaryPrimitives.ReadInt32LittleEndian(head[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(head[16..]), BinaryPrimitives.ReadInt32LittleEndian(head[24..]), BinaryPrimitives.ReadInt32LittleEndian(head[28..]),
            BinaryPrimitives.ReadInt64LittleEndian(head[32..]), BinaryPrimitives.ReadInt64LittleEndian(head[40..]), payload, BinaryPrimitives.ReadUInt32LittleEndian(head[52..]));
    }
}
