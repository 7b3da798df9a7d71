using System.Collections.Immutable;
using DistTrain.Protocol;
using MessagePack;

namespace DistTrain.Grains;

/// <summary>How many fields an array of fields has: later ones are skipped, fewer are refused.</summary>
internal static class FieldCount
{
    /// <returns>To be handed to <see cref="End"/>.</returns>
    public static int Begin(ref MessagePackReader reader, string name, int fields)
    {
        var sent = reader.ReadArrayHeader();
        return sent >= fields ? sent : throw new MessagePackSerializationException($"{name} has {sent} fields; it must have at least {fields}. The sender is older than this version.");
    }

    public static void End(ref MessagePackReader reader, int sent, int fields)
    {
        for (var i = fields; i < sent; i++) reader.Skip();
    }

    /// <exception cref="MessagePackSerializationException">A value that the enumeration does not have.</exception>
    public static T Enumeration<T>(ref MessagePackReader reader) where T : struct, Enum
    {
        var value = (T)Enum.ToObject(typeof(T), reader.ReadByte());
        return Enum.IsDefined(value) ? value : throw new MessagePackSerializationException($"a {typeof(T).Name} is {value}; this version does not know it.");
    }
}

/// <summary>A machine's message: 16 fields in the order that they are written. An OpenStep that is not set is nil.</summary>
internal static class MessageFields
{
    private const int Count = 16;

    public static void Write(ref MessagePackWriter writer, in Message message, MessagePackSerializerOptions options)
    {
        writer.WriteArrayHeader(Count);
        writer.Write((byte)message.Kind);
        Write(ref writer, message.From);
        Write(ref writer, message.To);
        writer.Write(message.Job);
        writer.Write(message.Incarnation);
        writer.Write(message.Step);
        writer.WriteArrayHeader(2);
        writer.Write(message.Node.First);
        writer.Write(message.Node.Count);
        writer.Write(message.Lease);
        writer.Write(message.Digest);
        writer.Write((byte)message.Verdict);
        writer.Write(message.Flag);
        RecordFields.Write(ref writer, message.Totals);
        RecordFields.Write(ref writer, message.Open);
        Write(ref writer, message.Placement);
        PayloadFields.Write(ref writer, message, options);
        writer.Write(message.Text);
    }

    public static Message Read(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        var sent = FieldCount.Begin(ref reader, "a message", Count);
        var kind = FieldCount.Enumeration<MessageKind>(ref reader);
        var message = new Message
        {
            Kind = kind, From = ReadAddress(ref reader), To = ReadAddress(ref reader), Job = reader.ReadUInt64(), Incarnation = reader.ReadInt64(), Step = reader.ReadInt64(),
            Node = ReadNode(ref reader), Lease = reader.ReadInt64(), Digest = reader.ReadUInt64(), Verdict = FieldCount.Enumeration<Protocol.Verdict>(ref reader), Flag = reader.ReadBoolean(),
            Totals = RecordFields.ReadTotals(ref reader), Open = RecordFields.ReadOpen(ref reader), Placement = ReadPlacement(ref reader),
            Payload = PayloadFields.Read(ref reader, kind, options), Text = reader.ReadString(),
        };
        FieldCount.End(ref reader, sent, Count);
        return message;
    }

    private static void Write(ref MessagePackWriter writer, Address address)
    {
        writer.WriteArrayHeader(2);
        writer.Write((byte)address.Role);
        writer.Write(address.Number);
    }

    private static Address ReadAddress(ref MessagePackReader reader)
    {
        var sent = FieldCount.Begin(ref reader, "an address", 2);
        var address = new Address(FieldCount.Enumeration<Role>(ref reader), reader.ReadInt32());
        FieldCount.End(ref reader, sent, 2);
        return address;
    }

    private static TreeNode ReadNode(ref MessagePackReader reader)
    {
        var sent = FieldCount.Begin(ref reader, "a tree node", 2);
        var node = new TreeNode(reader.ReadInt32(), reader.ReadInt32());
        FieldCount.End(ref reader, sent, 2);
        return node;
    }

    // Flat: primary and replica by shard.
    private static void Write(ref MessagePackWriter writer, Placement? placement)
    {
        if (placement is null)
        {
            writer.WriteNil();
            return;
        }
        writer.WriteArrayHeader(2 * placement.Shards.Length);
        foreach (var shard in placement.Shards)
        {
            writer.Write(shard.Primary);
            writer.Write(shard.Replica);
        }
    }

    private static Placement? ReadPlacement(ref MessagePackReader reader)
    {
        if (reader.TryReadNil()) return null;
        var numbers = reader.ReadArrayHeader();
        if (numbers % 2 != 0) throw new MessagePackSerializationException($"a placement has {numbers} numbers; it must have two for each shard.");
        var shards = ImmutableArray.CreateBuilder<ShardSeats>(Math.Min(numbers / 2, 1024));
        for (var s = 0; s < numbers / 2; s++) shards.Add(new ShardSeats(reader.ReadInt32(), reader.ReadInt32()));
        return new Placement(shards.ToImmutable());
    }
}
