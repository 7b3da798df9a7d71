using System.Collections.Immutable;
using DistTrain.Contracts;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>What goes from node to node outside the tensor lane: one message of a machine, and where things are. It holds no tensor.</summary>
public sealed record ControlMessage
{
    /// <summary>The job's id.</summary>
    public required string Job { get; init; }

    /// <summary>The node that sends it: <see cref="Message"/>'s sender lives there from now on.</summary>
    public required NodeAddress From { get; init; }

    /// <summary>Of kind None where only the rest counts. The payload is one of <see cref="ControlPayload.Types"/> or null.</summary>
    public Message Message { get; init; }

    /// <summary>Nodes of the seats that the message names, or of the sender's own; a worker finds a shard's primary by them.</summary>
    public ImmutableArray<SeatPlace> Seats { get; init; } = [];

    /// <summary>What the sender's machines do now; null in most messages.</summary>
    public MemberReport? Report { get; init; }
}

/// <summary>What one node's machines of a job do now; told to the job's node twice a second, so that it can answer for all of them.</summary>
/// <param name="Warnings">What went wrong there since the last report.</param>
public sealed record MemberReport(IReadOnlyList<WorkerReport> Workers, IReadOnlyList<SeatReport> Seats, IReadOnlyList<WaitReport> Waits, IReadOnlyList<string> Warnings);

/// <summary>What a seat holds.</summary>
/// <param name="Shard">-1 for none.</param>
/// <param name="Version">Steps committed there; -1 without a state.</param>
/// <param name="Elements">Floats of the shard's weights; 0 for none.</param>
public sealed record SeatReport(int Seat, int Shard, bool Primary, long Version, long Elements);

/// <summary>
/// Takes control messages to other nodes, one way, supplied by the host: grain calls, or a queue in a test. It may lose, repeat and
/// reorder; the machines send again. Send returns at once and never throws for a node that is gone.
/// </summary>
public interface IControlWire
{
    /// <param name="node"><see cref="NodeAddress.Name"/> of the receiver, whose host calls <see cref="TrainingNode.Receive"/>.</param>
    /// <param name="message">Immutable once given: it may be serialized later.</param>
    void Send(string node, ControlMessage message);
}
