using System.Collections.Concurrent;
using System.Security.Cryptography;
using DistTrain.Grains.Wire;
using DistTrain.Protocol;
using DistTrain.Training;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>
/// This silo's training node, and the wire between nodes: a control message goes as a one-way call to the grain of the machine that it is for. Machines, their threads and their memory
/// are the node's; grains come and go without them.
/// </summary>
internal sealed partial class SiloNode : IControlWire, IDisposable
{
    private readonly IGrainFactory _grains;
    private readonly IClusterMembershipService _membership;
    private readonly Roster _roster;
    private readonly ILogger<SiloNode> _log;
    private readonly ConcurrentDictionary<string, SiloAddress> _silos = new(StringComparer.Ordinal);

    public SiloNode(IOptions<DistTrainOptions> options, ILocalSiloDetails local, IGrainFactory grains, IClusterMembershipService membership, Roster roster, TimeProvider time, ILogger<SiloNode> log)
    {
        (_grains, _membership, _roster, _log, Options, Silo) = (grains, membership, roster, log, options.Value, local.SiloAddress);
        if (!Options.Trains) return;
        Node = new TrainingNode(new NodeOptions(Silo.ToParsableString(), Options.Lane, Options.ClusterKey.Length > 0 ? Options.ClusterKey : SHA256.HashData("loopback only"u8)) { Advertise = Options.LaneAddress, Time = time }, this);
        Node.Lost += Report;
        roster.Changed += Follow;
    }

    public DistTrainOptions Options { get; }

    public SiloAddress Silo { get; }

    /// <summary>Who is in the cluster, as this silo knows.</summary>
    public ClusterMembershipSnapshot Membership => _membership.CurrentSnapshot;

    /// <summary>null on a silo that does not train.</summary>
    public TrainingNode? Node { get; }

    /// <summary>Set once the silo has been told to end.</summary>
    public bool Leaving { get; set; }

    public SiloOffer Offer => new(Node?.Address.Lane ?? "", Options.Shards, Options.Workers, Options.DeviceHere, Options.Name, Leaving);

    /// <inheritdoc/>
    public void Send(string node, ControlMessage message)
    {
        var silo = _silos.GetOrAdd(node, static name => SiloAddress.FromParsableString(name));
        if (_roster.IsGone(silo)) return;
        try
        {
            var frame = ControlFormat.Write(message);
            var to = message.Message.To;
            var sent = to.Role switch
            {
                Role.Worker when message.Message.Kind != MessageKind.None => _grains.GetGrain<IWorkerGrain>(new MemberKey(message.Job, to.Number, silo).ToString()).Deliver(frame),
                Role.Seat when message.Message.Kind != MessageKind.None => _grains.GetGrain<IParameterServerGrain>(new MemberKey(message.Job, to.Number, silo).ToString()).Deliver(frame),
                _ => _grains.GetGrain<ISiloGrain>(node).Deliver(frame),
            };
            if (!sent.IsCompletedSuccessfully) sent.Ignore();
        }
        catch (Exception lost) when (lost is OrleansException or ObjectDisposedException)
        {
            // The machines send again; who is gone is told by the roster.
            MessageLost(message.Message.Kind, node, lost.Message);
        }
    }

    /// <summary>A frame from another silo.</summary>
    public void Receive(ControlFrame frame) => Node?.Receive(ControlFormat.ReadMessage(frame));

    public void Dispose()
    {
        _roster.Changed -= Follow;
        Node?.Dispose();
    }

    // A closed connection that cannot be made again is better evidence than missed probes, and there at once; but one silo alone may be the one that is cut off.
    private void Report(NodeAddress node)
    {
        var silo = SiloAddress.FromParsableString(node.Name);
        if (silo.Equals(Silo) || _membership.CurrentSnapshot.GetSiloStatus(silo) is not SiloStatus.Active) return;
        _ = ReportAsync(silo);
    }

    private async Task ReportAsync(SiloAddress silo)
    {
        try
        {
            var others = _roster.Offers.Where(o => o.Value.Lane.Length > 0 && !o.Key.Equals(Silo) && !o.Key.Equals(silo)).Select(o => o.Key.ToParsableString());
            if (!await Witnesses.AgreeAsync(() => Witnesses.AcceptsAsync(silo), [.. others.Select(o => (Func<Task<bool>>)(() => _grains.GetGrain<ISiloGrain>(o).Reaches(silo.ToParsableString())))]).ConfigureAwait(false))
            {
                SiloReached(silo);
                return;
            }
            SiloLost(silo);
            await _membership.TryKill(silo).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            SiloUnreported(silo, failed.Message);
        }
    }

    private void Follow(SiloAddress silo, bool there)
    {
        if (!there) Node?.DeclareLost(new NodeAddress(silo.ToParsableString(), ""));
    }

    [LoggerMessage(10, LogLevel.Warning, "The connection to silo {Silo} closed and cannot be made again: the cluster is told that it is dead")]
    private partial void SiloLost(SiloAddress silo);

    [LoggerMessage(12, LogLevel.Warning, "The connection to silo {Silo} closed and cannot be made again, but somebody still reaches it: whether it is dead is left to the cluster's probes")]
    private partial void SiloReached(SiloAddress silo);

    [LoggerMessage(13, LogLevel.Warning, "The cluster could not be told that silo {Silo} is dead: {Reason}")]
    private partial void SiloUnreported(SiloAddress silo, string reason);

    [LoggerMessage(11, LogLevel.Debug, "A {Kind} message to {Node} is lost: {Reason}")]
    private partial void MessageLost(MessageKind kind, string node, string reason);
}
