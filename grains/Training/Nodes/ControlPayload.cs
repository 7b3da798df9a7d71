using System.Collections.Frozen;
using System.Collections.Immutable;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>What a control message may carry. Tensors are not among it: they go over the lane, whole.</summary>
public static class ControlPayload
{
    private static readonly FrozenSet<MessageKind> _tensors = new[] { MessageKind.Push, MessageKind.Weights, MessageKind.Mirror, MessageKind.State, MessageKind.Activation, MessageKind.ActivationGradient }.ToFrozenSet();

    // Kind by kind, so that a field of a new type cannot slip through.
    private static readonly FrozenDictionary<MessageKind, Type> _types = new Dictionary<MessageKind, Type>
    {
        [MessageKind.Join] = typeof(WorkerHello),
        [MessageKind.Lease] = typeof(Crew),
        [MessageKind.Adopted] = typeof(LogEntry[]),
        [MessageKind.Adopt] = typeof(ImmutableArray<Branch>),
        [MessageKind.Restore] = typeof(RestoreFrom),
        [MessageKind.Reduced] = typeof(ReducedFigures),
        [MessageKind.Saved] = typeof(CheckpointFile),
        [MessageKind.Control] = typeof(Control),
        [MessageKind.ControlAnswer] = typeof(Control),
    }.ToFrozenDictionary();

    // Between a machine and its own host: they never leave the node.
    private const MessageKind FirstOfHost = MessageKind.Start;

    /// <summary>Types of payloads by kind of message; a kind that is not there has none.</summary>
    public static IReadOnlyDictionary<MessageKind, Type> Types => _types;

    /// <summary>Whether messages of this kind carry a tensor: they go over the lane.</summary>
    public static bool IsTensor(MessageKind kind) => _tensors.Contains(kind);

    /// <summary>Called for everything that is given to the wire or comes from it.</summary>
    /// <exception cref="InvalidOperationException">It carries a tensor, or something that is no control payload.</exception>
    public static void Check(in Message message)
    {
        if (IsTensor(message.Kind)) throw new InvalidOperationException($"a {message.Kind} message of {message.From} is given to the control wire. Tensors go over the lane.");
        if (message.Kind >= FirstOfHost) throw new InvalidOperationException($"a {message.Kind} message is given to the control wire. It is between a machine and its own host.");
        if (message.Payload is null) return;
        if (!_types.TryGetValue(message.Kind, out var type) || type != message.Payload.GetType())
            throw new InvalidOperationException($"a {message.Kind} message of {message.From} carries {message.Payload.GetType().Name}. It must carry {(type is null ? "nothing" : type.Name)}.");
    }
}
