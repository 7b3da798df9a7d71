using DistTrain.Contracts;
using MessagePack;

namespace DistTrain.Grains.Wire;

/// <summary>JobSubmission: id, spec, overrides.</summary>
public sealed class JobSubmissionFormatter() : FieldsFormatter<JobSubmission>("a submission", 3)
{
    protected override void Write(ref MessagePackWriter writer, JobSubmission value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Id);
        writer.Write(value.Spec);
        WireFields.WriteList(ref writer, value.Overrides, options);
    }

    protected override JobSubmission Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(Text(ref reader, "id"), Text(ref reader, "spec"), WireFields.ReadList<string>(ref reader, options));
}
