using DistTrain.Contracts;
using MessagePack;
using MessagePack.Formatters;
using MessagePack.Resolvers;

namespace DistTrain.Grains.Wire;

/// <summary>How control messages are written between silos: MessagePack with explicit formatters only, read as untrusted data. Tensors never pass here; they have the lane.</summary>
public static class WireFormat
{
    public static MessagePackSerializerOptions Options { get; } = MessagePackSerializerOptions.Standard
        .WithResolver(CompositeResolver.Create([new JobStatusFormatter()], [BuiltinResolver.Instance]))
        .WithSecurity(MessagePackSecurity.UntrustedData);

    /// <summary>The contract types that travel; everything else keeps Orleans' own serializer.</summary>
    public static bool Carries(Type type) => type == typeof(JobStatus);
}
