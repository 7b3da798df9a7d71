using DistTrain.Grains.Wire;
using DistTrain.Training;
using MessagePack;
using MessagePack.Formatters;
using MessagePack.Resolvers;

namespace DistTrain.Grains;

/// <summary>
/// Control messages and orders as the bytes of a <see cref="ControlFrame"/>: MessagePack by the formatters of this folder, read as untrusted data. There is no formatter
/// for a gradient, for weights or for any array of floats: a tensor cannot be written.
/// </summary>
public static class ControlFormat
{
    private static readonly IMessagePackFormatter[] _formatters =
    [
        new ControlMessageFormatter(), new NodeAddressFormatter(), new MemberReportFormatter(), new SeatReportFormatter(),
        new HelloFormatter(), new ReducedFormatter(), new RestoreFormatter(), new ManifestFormatter(), new PositionFormatter(), new CheckpointFileFormatter(), new ControlFormatter(), new CrewFormatter(),
        new JobOrderFormatter(),
        new WorkerReportFormatter(), new WaitReportFormatter(),
    ];

    public static MessagePackSerializerOptions Options { get; } = MessagePackSerializerOptions.Standard
        .WithResolver(CompositeResolver.Create(_formatters, [BuiltinResolver.Instance]))
        .WithSecurity(MessagePackSecurity.UntrustedData);

    /// <exception cref="InvalidOperationException">The message carries a tensor, or is longer than a frame may be.</exception>
    public static ControlFrame Write(ControlMessage message)
    {
        ControlPayload.Check(message.Message);
        return Frame(MessagePackSerializer.Serialize(message, Options), $"{message.Message.Kind} of {message.Message.From}");
    }

    /// <exception cref="MessagePackSerializationException">Not such bytes.</exception>
    public static ControlMessage ReadMessage(ControlFrame frame)
    {
        var message = Read<ControlMessage>(frame);
        ControlPayload.Check(message.Message);
        return message;
    }

    public static ControlFrame Write(JobOrder order) => Frame(MessagePackSerializer.Serialize(order, Options), $"order for job {order.Job}");

    /// <exception cref="MessagePackSerializationException">Not such bytes.</exception>
    public static JobOrder ReadOrder(ControlFrame frame) => Read<JobOrder>(frame);

    private static ControlFrame Frame(byte[] bytes, string what) => bytes.Length <= ControlFrame.MaxBytes
        ? new ControlFrame(bytes)
        : throw new InvalidOperationException($"a message ({what}) is {bytes.Length} bytes. It must be at most {ControlFrame.MaxBytes}: save checkpoints more often (checkpoint.every), so that fewer records wait for one.");

    private static T Read<T>(ControlFrame frame) where T : class
    {
        if (frame.Bytes is null || frame.Bytes.Length > ControlFrame.MaxBytes) throw new MessagePackSerializationException($"a frame is {frame.Bytes?.Length ?? 0} bytes; it must be 1 to {ControlFrame.MaxBytes}.");
        return MessagePackSerializer.Deserialize<T?>(frame.Bytes, Options) ?? throw new MessagePackSerializationException("a frame is nil; it must not be.");
    }
}
