using System.Collections.Immutable;
using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using DistTrain.Training;
using MessagePack;

namespace DistTrain.Grains;

/// <summary>ControlMessage: job, from, message (16 fields), seats, report.</summary>
public sealed class ControlMessageFormatter() : FieldsFormatter<ControlMessage>("a control message", 5)
{
    protected override void Write(ref MessagePackWriter writer, ControlMessage value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Job);
        options.Resolver.GetFormatterWithVerify<NodeAddress>().Serialize(ref writer, value.From, options);
        MessageFields.Write(ref writer, value.Message, options);
        writer.WriteArrayHeader(value.Seats.Length);
        foreach (var seat in value.Seats)
        {
            writer.WriteArrayHeader(2);
            writer.Write(seat.Seat);
            options.Resolver.GetFormatterWithVerify<NodeAddress>().Serialize(ref writer, seat.Node, options);
        }
        options.Resolver.GetFormatterWithVerify<MemberReport?>().Serialize(ref writer, value.Report, options);
    }

    protected override ControlMessage Read(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        var (job, from, message) = (Text(ref reader, "job"), Node(ref reader, options), MessageFields.Read(ref reader, options));
        var count = reader.ReadArrayHeader();
        var seats = ImmutableArray.CreateBuilder<SeatPlace>(Math.Min(count, 1024));
        for (var i = 0; i < count; i++)
        {
            var fields = FieldCount.Begin(ref reader, "a seat's place", 2);
            seats.Add(new SeatPlace(reader.ReadInt32(), Node(ref reader, options)));
            FieldCount.End(ref reader, fields, 2);
        }
        return new ControlMessage
        {
            Job = job, From = from, Message = message, Seats = seats.ToImmutable(),
            Report = options.Resolver.GetFormatterWithVerify<MemberReport?>().Deserialize(ref reader, options),
        };
    }

    internal static NodeAddress Node(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        options.Resolver.GetFormatterWithVerify<NodeAddress?>().Deserialize(ref reader, options) ?? throw new MessagePackSerializationException("a node is nil; it must not be.");
}

/// <summary>NodeAddress: name, lane.</summary>
public sealed class NodeAddressFormatter() : FieldsFormatter<NodeAddress>("a node", 2)
{
    protected override void Write(ref MessagePackWriter writer, NodeAddress value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name);
        writer.Write(value.Lane);
    }

    protected override NodeAddress Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new(Text(ref reader, "name"), Text(ref reader, "lane"));
}

/// <summary>MemberReport: workers, seats, waits, warnings.</summary>
public sealed class MemberReportFormatter() : FieldsFormatter<MemberReport>("a report", 4)
{
    protected override void Write(ref MessagePackWriter writer, MemberReport value, MessagePackSerializerOptions options)
    {
        WireFields.WriteList(ref writer, value.Workers, options);
        WireFields.WriteList(ref writer, value.Seats, options);
        WireFields.WriteList(ref writer, value.Waits, options);
        WireFields.WriteList(ref writer, value.Warnings, options);
    }

    protected override MemberReport Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(WireFields.ReadList<WorkerReport>(ref reader, options), WireFields.ReadList<SeatReport>(ref reader, options), WireFields.ReadList<WaitReport>(ref reader, options), WireFields.ReadList<string>(ref reader, options));
}

/// <summary>SeatReport: seat, shard, primary, version, elements.</summary>
public sealed class SeatReportFormatter() : FieldsFormatter<SeatReport>("a seat", 5)
{
    protected override void Write(ref MessagePackWriter writer, SeatReport value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Seat);
        writer.Write(value.Shard);
        writer.Write(value.Primary);
        writer.Write(value.Version);
        writer.Write(value.Elements);
    }

    protected override SeatReport Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(reader.ReadInt32(), reader.ReadInt32(), reader.ReadBoolean(), reader.ReadInt64(), reader.ReadInt64());
}
