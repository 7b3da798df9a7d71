using System.Net;
using System.Security.Cryptography;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>Who a node is and where it listens.</summary>
/// <param name="Name">Unique for ever: see <see cref="NodeAddress.Name"/>.</param>
/// <param name="Listen">Of the tensor lane; port 0 takes a free one.</param>
/// <param name="ClusterKey">Signs the right to open streams; the same on every node.</param>
public sealed record NodeOptions(string Name, IPEndPoint Listen, byte[] ClusterKey)
{
    /// <summary>IP address that others reach the lane by; empty = the one it listens on.</summary>
    public string Advertise { get; init; } = "";

    /// <summary>A node that closed its connection is lost at once where it refuses a new one, and after this time where it says nothing.</summary>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Wall clock, for the expiry of tokens.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where checkpoints go.</summary>
    public IFileSystem Files { get; init; } = new DiskFileSystem();
}

/// <summary>
/// One process of a cluster: it runs the schedulers, seats and workers that its host starts here, for any number of jobs. Control messages go over the
/// host's wire, tensors over the lane; between machines of one node both are handed over by reference.
/// </summary>
public sealed class TrainingNode : INodeServices, ITensorTarget, IDisposable
{
    private static readonly TimeSpan _beat = TimeSpan.FromMilliseconds(500);

    private readonly NodeOptions _options;
    private readonly IControlWire _wire;
    private readonly CpuDevice _device = new(1);
    private readonly LaneRoutes _lane;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, JobSite> _sites = new(StringComparer.Ordinal);
    private readonly ManualResetEventSlim _over = new();
    private readonly Thread _beating;
    private readonly ulong _hostDigest;

    /// <exception cref="ArgumentException">The options cannot be; the text says all that is wrong with them.</exception>
    public TrainingNode(NodeOptions options, IControlWire wire)
    {
        (_options, _wire) = (options, wire);
        _lane = new LaneRoutes(options, _device, this);
        var listening = _lane.Endpoint;
        Address = new NodeAddress(options.Name, new IPEndPoint(options.Advertise.Length > 0 ? IPAddress.Parse(options.Advertise) : listening.Address, listening.Port).ToString());
        _hostDigest = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(options.Name))) | 1;
        _beating = new Thread(Beat) { IsBackground = true, Name = $"node {options.Name}" };
        _beating.Start();
    }

    public NodeAddress Address { get; }

    /// <summary>
    /// A node is gone: its connection closed and cannot be made again. On a thread of the node, perhaps more than once. Its workers and seats are given up here already;
    /// whoever hosts jobs starts those of that node elsewhere.
    /// </summary>
    public event Action<NodeAddress>? Lost;

    /// <summary>Units of micro-batches that workers of this node have run through stages of a pipeline, forward or back.</summary>
    public long StageUnitsOf(string job) => SiteOf(job)?.StageUnits ?? 0;

    /// <summary>Numbers of the workers and seats of a job that run here now.</summary>
    public (int[] Workers, int[] Seats) MembersOf(string job) => SiteOf(job)?.Members ?? ([], []);

    ulong INodeServices.HostDigest => _hostDigest;

    LaneRoutes INodeServices.Lane => _lane;

    IFileSystem INodeServices.Files => _options.Files;

    TimeProvider INodeServices.Time => _options.Time;

    /// <summary>A control message has come for this node. From any thread; returns at once. What is not for a job of this node is dropped.</summary>
    /// <exception cref="InvalidOperationException">It carries a tensor, or something that is no control payload.</exception>
    public void Receive(ControlMessage message)
    {
        ControlPayload.Check(message.Message);
        if (SiteOf(message.Job) is { } site) site.Receive(message);
    }

    /// <summary>Starts a job's scheduler here: anew, or in place of one that is gone.</summary>
    /// <param name="resume">Continue from the register and the checkpoints. Otherwise there must be none, or the job must have ended.</param>
    /// <param name="nodes">Who takes part or may: they are told where the job is, and told again until it ends.</param>
    /// <param name="lost">Seats whose nodes are known to be gone.</param>
    /// <exception cref="ArgumentException">The job has no folder for checkpoints.</exception>
    public HostedJob StartJob(ClusterJob job, IJobRegister register, bool resume, IReadOnlyList<NodeAddress> nodes, RunFeed? feed = null, IReadOnlyCollection<int>? lost = null) =>
        OnSite(job, site => site.StartJob(register, resume, nodes, feed, lost ?? []));

    /// <summary>More nodes that may take part in a job whose scheduler is here.</summary>
    public void Invite(string job, IReadOnlyList<NodeAddress> nodes) => SiteOf(job)?.Invite(nodes);

    /// <summary>Offers to hold one shard of a job; which, and whether as primary or replica, the scheduler says. An unused seat costs nothing.</summary>
    /// <param name="scheduler">Where the job is; null = not known yet, it will be told.</param>
    /// <param name="number">Never used before in this job; null = drawn at random.</param>
    /// <returns>The seat's number.</returns>
    public int StartSeat(ClusterJob job, NodeAddress? scheduler, int? number = null) => OnSite(job, site =>
    {
        if (scheduler is not null) site.JobMoved(scheduler);
        return site.StartSeat(number ?? RandomNumberGenerator.GetInt32(int.MaxValue));
    });

    /// <summary>A worker with a thread of its own; it takes leases at once.</summary>
    /// <returns>The worker's number.</returns>
    public int StartWorker(ClusterJob job, NodeAddress? scheduler, int? number = null) => OnSite(job, site =>
    {
        if (scheduler is not null) site.JobMoved(scheduler);
        return site.StartWorker(number ?? RandomNumberGenerator.GetInt32(int.MaxValue));
    });

    /// <summary>The worker finishes its lease and leaves.</summary>
    public void RetireWorker(string job, int number) => SiteOf(job)?.RetireWorker(number);

    /// <summary>The job's scheduler is on another node now.</summary>
    public void JobMoved(string job, NodeAddress scheduler) => SiteOf(job)?.JobMoved(scheduler);

    /// <summary>The host knows that a node is gone (membership says so): as if its connection had closed.</summary>
    public void DeclareLost(NodeAddress node) => ((ITensorTarget)this).PeerIsLost(node);

    /// <summary>Forgets a job: its machines here end without a word. Nothing of it is left but its files.</summary>
    public void Drop(string job)
    {
        JobSite? site;
        lock (_gate) _sites.Remove(job, out site);
        site?.Dispose();
    }

    /// <summary>Ends everything at once, without a goodbye: like a process that is killed, but that its threads are waited for.</summary>
    public void Dispose()
    {
        if (_over.IsSet) return;
        _over.Set();
        _lane.Dispose();
        List<JobSite> sites;
        lock (_gate)
        {
            sites = [.. _sites.Values];
            _sites.Clear();
        }
        foreach (var site in sites) site.Dispose();
        if (Thread.CurrentThread != _beating) _beating.Join();
        _device.Dispose();
    }

    /// <summary>The job's site here; null: there is none.</summary>
    internal JobSite? SiteOf(string job)
    {
        lock (_gate) return _sites.GetValueOrDefault(job);
    }

    JobSite? ITensorTarget.SiteOf(string job) => SiteOf(job);

    void ITensorTarget.PeerIsLost(NodeAddress node)
    {
        if (_over.IsSet) return;
        List<JobSite> sites;
        lock (_gate) sites = [.. _sites.Values];
        foreach (var site in sites) site.PeerIsLost(node);
        Lost?.Invoke(node);
    }

    void INodeServices.Send(NodeAddress node, ControlMessage message)
    {
        if (!_over.IsSet) _wire.Send(node.Name, message);
    }

    void INodeServices.Failed(JobSite site, Exception failure)
    {
        site.Hosted?.Fail(failure);
        lock (_gate)
            if (_sites.TryGetValue(site.Id, out var known) && known == site) _sites.Remove(site.Id);
        // Not on the site's own thread, which is waited for.
        new Thread(site.Dispose) { IsBackground = true, Name = $"end of job {site.Id}" }.Start();
    }

    private TResult OnSite<TResult>(ClusterJob job, Func<JobSite, TResult> act)
    {
        if (job.Options.CheckpointFolder.Length == 0) throw new ArgumentException($"job {job.Id} has no folder for checkpoints. Name one that every node reaches: what shards and nodes are restored from is there.", nameof(job));
        JobSite? site;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_over.IsSet, this);
            if (!_sites.TryGetValue(job.Id, out site)) _sites[job.Id] = site = new JobSite(job, this);
            site.Hold();
        }
        // Memory for weights is taken, wires are written to: meanwhile messages to this job and the others are received.
        try
        {
            return act(site);
        }
        finally
        {
            site.Release();
        }
    }

    private void Beat()
    {
        while (!_over.Wait(_beat))
        {
            List<JobSite> sites;
            lock (_gate) sites = [.. _sites.Values];
            foreach (var site in sites)
            {
                site.Beat();
                var empty = false;
                lock (_gate)
                    if (site.IsEmpty) empty = _sites.Remove(site.Id);
                if (empty) site.Dispose();
            }
        }
    }
}
