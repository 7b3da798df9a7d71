using DistTrain.Grains.Wire;
using DistTrain.Training;
using MessagePack;

namespace DistTrain.Grains;

/// <summary>What a silo needs to take part in a job: the accepted spec, from which it resolves the same job again, and where the scheduler is.</summary>
/// <param name="Job">Id.</param>
/// <param name="Document">The accepted spec as JSON.</param>
/// <param name="Scheduler">The node that asks.</param>
public sealed record JobOrder(string Job, string Document, NodeAddress Scheduler);

/// <summary>JobOrder: job, document, scheduler.</summary>
public sealed class JobOrderFormatter() : FieldsFormatter<JobOrder>("a job order", 3)
{
    protected override void Write(ref MessagePackWriter writer, JobOrder value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Job);
        writer.Write(value.Document);
        options.Resolver.GetFormatterWithVerify<NodeAddress>().Serialize(ref writer, value.Scheduler, options);
    }

    protected override JobOrder Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(Text(ref reader, "job"), Text(ref reader, "document"), ControlMessageFormatter.Node(ref reader, options));
}
