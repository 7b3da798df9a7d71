using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>JobMembers: workers, shards.</summary>
public sealed class JobMembersFormatter() : FieldsFormatter<JobMembers>("a list of members", 2)
{
    protected override void Write(ref MessagePackWriter writer, JobMembers value, MessagePackSerializerOptions options)
    {
        WireFields.WriteList(ref writer, value.Workers, options);
        WireFields.WriteList(ref writer, value.Shards, options);
    }

    protected override JobMembers Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(WireFields.ReadList<WorkerReport>(ref reader, options), WireFields.ReadList<ShardReport>(ref reader, options));
}

/// <summary>WorkerReport: 14 fields in the order below.</summary>
public sealed class WorkerReportFormatter() : FieldsFormatter<WorkerReport>("a worker", 14)
{
    protected override void Write(ref MessagePackWriter writer, WorkerReport value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Number);
        writer.Write(value.Name);
        writer.Write(value.Node);
        writer.Write(value.Device);
        writer.Write(value.State);
        writer.Write(value.Lease);
        writer.Write(value.ComputeSeconds);
        writer.Write(value.PushSeconds);
        writer.Write(value.PullSeconds);
        writer.Write(value.WaitSeconds);
        writer.Write(value.ServeSeconds);
        writer.Write(value.MicroBatches);
        writer.Write(value.BytesSent);
        writer.Write(value.BytesReceived);
    }

    protected override WorkerReport Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new()
    {
        Number = reader.ReadInt32(), Name = Text(ref reader, "name"), Node = Text(ref reader, "node"), Device = Text(ref reader, "device"),
        State = Text(ref reader, "state"), Lease = Text(ref reader, "lease"), ComputeSeconds = reader.ReadDouble(), PushSeconds = reader.ReadDouble(),
        PullSeconds = reader.ReadDouble(), WaitSeconds = reader.ReadDouble(), ServeSeconds = reader.ReadDouble(), MicroBatches = reader.ReadInt64(),
        BytesSent = reader.ReadInt64(), BytesReceived = reader.ReadInt64(),
    };
}

/// <summary>ShardReport: number, primary, replica, version, elements.</summary>
public sealed class ShardReportFormatter() : FieldsFormatter<ShardReport>("a shard", 5)
{
    protected override void Write(ref MessagePackWriter writer, ShardReport value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Number);
        writer.Write(value.Primary);
        writer.Write(value.Replica);
        writer.Write(value.Version);
        writer.Write(value.Elements);
    }

    protected override ShardReport Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(reader.ReadInt32(), Text(ref reader, "primary"), Text(ref reader, "replica"), reader.ReadInt64(), reader.ReadInt64());
}
