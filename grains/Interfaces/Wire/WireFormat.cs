using DistTrain.Contracts;
using MessagePack;
using MessagePack.Formatters;
using MessagePack.Resolvers;
using Orleans.Serialization;

namespace DistTrain.Grains.Wire;

/// <summary>How the contract types are written between silos and to clients: MessagePack with explicit formatters only, read as untrusted data. Tensors never pass here; they have the lane.</summary>
public static class WireFormat
{
    private static readonly IMessagePackFormatter[] _formatters =
    [
        new JobStatusFormatter(), new JobSubmissionFormatter(), new MetricPointFormatter(), new TrainingEventFormatter(), new WaitReportFormatter(),
        new CheckpointReportFormatter(), new JobMembersFormatter(), new WorkerReportFormatter(), new ShardReportFormatter(),
        new VerdictFormatter(), new VerdictEvidenceFormatter(), new AlsoFoundFormatter(), new SkippedCheckFormatter(),
    ];

    private static readonly HashSet<Type> _types =
    [
        typeof(JobStatus), typeof(JobSubmission), typeof(MetricPoint), typeof(TrainingEvent), typeof(WaitReport),
        typeof(CheckpointReport), typeof(JobMembers), typeof(WorkerReport), typeof(ShardReport),
        typeof(Verdict), typeof(VerdictEvidence), typeof(AlsoFound), typeof(SkippedCheck),
    ];

    /// <summary>Resolves texts and numbers by MessagePack's own rules, records by the formatters of this folder, and nothing else.</summary>
    public static MessagePackSerializerOptions Options { get; } = MessagePackSerializerOptions.Standard
        .WithResolver(CompositeResolver.Create(_formatters, [BuiltinResolver.Instance]))
        .WithSecurity(MessagePackSecurity.UntrustedData);

    /// <summary>The contract types that travel.</summary>
    public static IReadOnlyCollection<Type> Types => _types;

    public static bool Carries(Type type) => _types.Contains(type);

    /// <summary>Makes Orleans write the contract types this way; everything else keeps Orleans' own serializer.</summary>
    public static ISerializerBuilder AddDistTrainWire(this ISerializerBuilder serializer) =>
        serializer.AddMessagePackSerializer(Carries, Carries, options => options.Configure(o => o.SerializerOptions = Options));
}
