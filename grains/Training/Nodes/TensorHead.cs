using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// The fields of a message with a tensor, as the control bytes of its lane message, little-endian: version 0, kind 1, roles of sender and receiver 2 and 3, their numbers 4 and 8,
/// job 12, incarnation 20, step 28, node 36 and 40, lease 44, digest 52, log entries 60. The payload is the log, 64 bytes an entry, then the tensor.
/// </summary>
internal readonly record struct TensorHead(MessageKind Kind, Address From, Address To, ulong Job, long Incarnation, long Step, TreeNode Node, long Lease, ulong Digest, int Entries)
{
    public const int Bytes = 64;
    public const int EntryElements = LogEntry.Bytes / sizeof(float);
    private const byte Version = 2;

    public static TensorHead Of(in Message message, int entries) =>
        new(message.Kind, message.From, message.To, message.Job, message.Incarnation, message.Step, message.Node, message.Lease, message.Digest, entries);

    public Message ToMessage(object payload) => new()
    {
        Kind = Kind, From = From, To = To, Job = Job, Incarnation = Incarnation, Step = Step, Node = Node, Lease = Lease, Digest = Digest, Payload = payload,
    };

    public void Write(Span<byte> bytes)
    {
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (Version, (byte)Kind, (byte)From.Role, (byte)To.Role);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], From.Number);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], To.Number);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[12..], Job);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[20..], Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[28..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[36..], Node.First);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[40..], Node.Count);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[44..], Lease);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[52..], Digest);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[60..], Entries);
    }

    /// <exception cref="LaneFormatException">Not the head of a tensor.</exception>
    public static TensorHead Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Bytes || bytes[0] != Version) throw new LaneFormatException($"a tensor's head has {bytes.Length} bytes of version {(bytes.Length > 0 ? bytes[0] : 0)}. It must have {Bytes} of version {Version}: run the same release on all nodes.");
        var kind = (MessageKind)bytes[1];
        if (!ControlPayload.IsTensor(kind)) throw new LaneFormatException($"a message of kind {bytes[1]} comes over the lane. It must carry a tensor.");
        return new TensorHead(kind, new Address((Role)bytes[2], BinaryPrimitives.ReadInt32LittleEndian(bytes[4..])), new Address((Role)bytes[3], BinaryPrimitives.ReadInt32LittleEndian(bytes[8..])),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[12..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[20..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[28..]),
            new TreeNode(BinaryPrimitives.ReadInt32LittleEndian(bytes[36..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[40..])), BinaryPrimitives.ReadInt64LittleEndian(bytes[44..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[52..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[60..]));
    }

    /// <summary>Committed records as elements of four bytes; they are never computed with.</summary>
    public static void WriteLog(IReadOnlyList<LogEntry> log, Span<float> elements)
    {
        var bytes = MemoryMarshal.AsBytes(elements);
        for (var i = 0; i < log.Count; i++) log[i].Write(bytes.Slice(i * LogEntry.Bytes, LogEntry.Bytes));
    }

    /// <exception cref="LaneFormatException">Not records.</exception>
    public static LogEntry[] ReadLog(ReadOnlySpan<float> elements)
    {
        var bytes = MemoryMarshal.AsBytes(elements);
        var log = new LogEntry[elements.Length / EntryElements];
        try
        {
            for (var i = 0; i < log.Length; i++) log[i] = LogEntry.Read(bytes.Slice(i * LogEntry.Bytes, LogEntry.Bytes));
        }
        catch (FormatException e)
        {
            throw new LaneFormatException($"a state comes with what is no log: {e.Message}");
        }
        return log;
    }
}
