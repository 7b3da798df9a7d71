using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>JobStatus: 24 fields in the order below.</summary>
public sealed class JobStatusFormatter() : FieldsFormatter<JobStatus>("a job status", 24)
{
    protected override void Write(ref MessagePackWriter writer, JobStatus value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Job);
        writer.Write(value.Name);
        writer.Write(value.State);
        writer.Write(value.Reason);
        writer.Write(value.Step);
        writer.Write(value.TotalSteps);
        writer.Write(value.StepsPerEpoch);
        writer.Write(value.TrainLoss);
        writer.Write(value.TestLoss);
        writer.Write(value.TestAccuracy);
        writer.Write(value.BestTestLoss);
        writer.Write(value.BestTestLossStep);
        writer.Write(value.SamplesPerSecond);
        writer.Write(value.Workers);
        writer.Write(value.Shards);
        writer.Write(value.MicroBatches);
        writer.Write(value.Incarnation);
        WireFields.WriteTime(ref writer, value.Submitted);
        writer.Write(value.Seconds);
        writer.Write(value.Verdict);
        writer.Write(value.WeightsSha256);
        writer.Write(value.StateSha256);
        writer.Write(value.LossLogSha256);
        writer.Write(value.Checkpoint);
    }

    protected override JobStatus Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new()
    {
        Job = Text(ref reader, "job"), Name = Text(ref reader, "name"), State = Text(ref reader, "state"), Reason = Text(ref reader, "reason"),
        Step = reader.ReadInt64(), TotalSteps = reader.ReadInt64(), StepsPerEpoch = reader.ReadInt64(),
        TrainLoss = reader.ReadDouble(), TestLoss = reader.ReadDouble(), TestAccuracy = reader.ReadDouble(),
        BestTestLoss = reader.ReadDouble(), BestTestLossStep = reader.ReadInt64(), SamplesPerSecond = reader.ReadDouble(),
        Workers = reader.ReadInt32(), Shards = reader.ReadInt32(), MicroBatches = reader.ReadInt32(), Incarnation = reader.ReadInt64(),
        Submitted = WireFields.ReadTime(ref reader), Seconds = reader.ReadDouble(), Verdict = Text(ref reader, "verdict"),
        WeightsSha256 = Text(ref reader, "weights hash"), StateSha256 = Text(ref reader, "state hash"), LossLogSha256 = Text(ref reader, "loss log hash"),
        Checkpoint = Text(ref reader, "checkpoint"),
    };
}
