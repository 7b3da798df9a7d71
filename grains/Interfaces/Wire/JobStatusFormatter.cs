using DistTrain.Contracts;
using MessagePack;
using MessagePack.Formatters;

namespace DistTrain.Grains.Wire;

/// <summary>JobStatus on the wire: array of 8 = job, name, state, step, totalSteps, trainLoss, testLoss, workers. New fields go to the end; a reader skips what it does not know.</summary>
public sealed class JobStatusFormatter : IMessagePackFormatter<JobStatus?>
{
    private const int Fields = 8;

    public void Serialize(ref MessagePackWriter writer, JobStatus? value, MessagePackSerializerOptions options)
    {
        if (value is null)
        {
            writer.WriteNil();
            return;
        }
        writer.WriteArrayHeader(Fields);
        writer.Write(value.Job);
        writer.Write(value.Name);
        writer.Write(value.State);
        writer.Write(value.Step);
        writer.Write(value.TotalSteps);
        writer.Write(value.TrainLoss);
        writer.Write(value.TestLoss);
        writer.Write(value.Workers);
    }

    public JobStatus? Deserialize(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        if (reader.TryReadNil()) return null;
        var fields = reader.ReadArrayHeader();
        if (fields < Fields) throw new MessagePackSerializationException($"a job status has {fields} fields; it must have at least {Fields}. The sender is older than this version.");
        var status = new JobStatus
        {
            Job = reader.ReadString() ?? throw new MessagePackSerializationException("a job status names no job; it must."),
            Name = reader.ReadString() ?? throw new MessagePackSerializationException("a job status has no name; it must."),
            State = reader.ReadString() ?? throw new MessagePackSerializationException("a job status has no state; it must."),
            Step = reader.ReadInt64(), TotalSteps = reader.ReadInt64(), TrainLoss = reader.ReadDouble(), TestLoss = reader.ReadDouble(), Workers = reader.ReadInt32(),
        };
        for (var i = Fields; i < fields; i++) reader.Skip();
        return status;
    }
}
