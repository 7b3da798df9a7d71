using Orleans;

namespace DistTrain.Grains.Wire;

/// <summary>One control message between machines of a job, as bytes that only the nodes read. Never a tensor: the writer knows no way to write one, and <see cref="MaxBytes"/> bounds the rest.</summary>
/// <param name="Bytes">Written by grains/Orleans in MessagePack; owned by whoever holds the frame, changed by nobody.</param>
[GenerateSerializer, Immutable, Alias("disttrain.frame")]
public sealed record ControlFrame([property: Id(0)] byte[] Bytes)
{
    /// <summary>The longest that is sent or taken: lists of records since the last checkpoint are the largest.</summary>
    public const int MaxBytes = 8 << 20;
}
