using System.Net;

namespace DistTrain.Training;

/// <summary>Who a node is and where it listens.</summary>
/// <param name="Name">Unique for ever: see <see cref="NodeAddress.Name"/>.</param>
/// <param name="Listen">Of the tensor lane; port 0 takes a free one.</param>
/// <param name="ClusterKey">Signs the right to open streams; the same on every node.</param>
public sealed record NodeOptions(string Name, IPEndPoint Listen, byte[] ClusterKey)
{
    /// <summary>IP address that others reach the lane by; empty = the one it listens on.</summary>
    public string Advertise { get; init; } = "";

    /// <summary>Wall clock, for the expiry of tokens.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// One process of a cluster: it runs the schedulers, seats and workers that its host starts here, for any number of jobs. Control messages go over the
/// host's wire, tensors over the lane; between machines of one node both are handed over by reference.
/// </summary>
public sealed class TrainingNode : IDisposable
{
    public TrainingNode(NodeOptions options, IControlWire wire) => (Address, _) = (new NodeAddress(options.Name, options.Listen.ToString()), wire);

    public NodeAddress Address { get; }

    /// <summary>
    /// A node is gone: its connection closed and cannot be made again. Raised once for each, on a thread of the node. Its workers and seats are given up here already;
    /// whoever hosts jobs starts those of that node elsewhere.
    /// </summary>
    public event Action<NodeAddress>? Lost;

    /// <summary>A control message has come for this node. From any thread; returns at once. What is not for a job of this node is dropped.</summary>
    public void Receive(ControlMessage message) => throw new NotSupportedException();

    /// <summary>Starts a job's scheduler here: anew, or in place of one that is gone.</summary>
    /// <param name="resume">Continue from the register and the checkpoints. Otherwise there must be none, or the job must have ended.</param>
    /// <param name="nodes">Who takes part or may: they are told where the job is, and told again until it ends.</param>
    public HostedJob StartJob(ClusterJob job, IJobRegister register, bool resume, IReadOnlyList<NodeAddress> nodes, RunFeed? feed = null) => throw new NotSupportedException();

    /// <summary>More nodes that may take part in a job whose scheduler is here.</summary>
    public void Invite(string job, IReadOnlyList<NodeAddress> nodes) => throw new NotSupportedException();

    /// <summary>Offers to hold one shard of a job; which, and whether as primary or replica, the scheduler says. An unused seat costs nothing.</summary>
    /// <param name="scheduler">Where the job is; null = not known yet, it will be told.</param>
    /// <param name="number">Never used before in this job; null = drawn at random.</param>
    /// <returns>The seat's number.</returns>
    public int StartSeat(ClusterJob job, NodeAddress? scheduler, int? number = null) => throw new NotSupportedException();

    /// <summary>A worker with a thread of its own; it takes leases at once.</summary>
    /// <returns>The worker's number.</returns>
    public int StartWorker(ClusterJob job, NodeAddress? scheduler, int? number = null) => throw new NotSupportedException();

    /// <summary>The worker finishes its lease and leaves.</summary>
    public void RetireWorker(string job, int number) => throw new NotSupportedException();

    /// <summary>The job's scheduler is on another node now.</summary>
    public void JobMoved(string job, NodeAddress scheduler) => throw new NotSupportedException();

    /// <summary>The host knows that a node is gone (membership says so): as if its connection had closed.</summary>
    public void DeclareLost(NodeAddress node) => Lost?.Invoke(node);

    /// <summary>Forgets a job: its machines here end without a word. Nothing of it is left but its files.</summary>
    public void Drop(string job) => throw new NotSupportedException();

    /// <summary>Ends everything at once, without a goodbye: like a process that is killed, but that its threads are waited for.</summary>
    public void Dispose()
    {
    }
}
