using System.Net;
using System.Net.Sockets;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Where tensors that come over the lane go.</summary>
internal interface ITensorTarget
{
    /// <summary>The site of a job on this node; null: there is none (any more).</summary>
    JobSite? SiteOf(string job);

    /// <summary>The node's connection closed and it cannot be reached again.</summary>
    void PeerIsLost(NodeAddress node);
}

/// <summary>This node's lane to all others: one stream for each job and peer, opened when it is first wanted and again when it broke. A peer that refuses is lost.</summary>
internal sealed class LaneRoutes : ILaneReceiver, IDisposable
{
    // What waits for a stream that is being opened; more is lost, and sent again by the machines.
    private const int MaxWaiting = 256;
    private static readonly TimeSpan _retryEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _tokenLife = TimeSpan.FromMinutes(5);

    private readonly LanePeer _peer;
    private readonly ITensorTarget _target;
    private readonly TimeProvider _time;
    private readonly TimeSpan _patience;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Node, string Job), Route> _routes = [];
    private readonly Dictionary<string, LaneLink> _links = new(StringComparer.Ordinal);
    private readonly ManualResetEventSlim _over = new();

    /// <summary>The way to one node for one job.</summary>
    private sealed class Route(NodeAddress node, JobSite site)
    {
        public NodeAddress Node => node;

        public JobSite Site => site;

        public LaneStream? Stream { get; set; }

        public bool Opening { get; set; }

        public List<Message> Waiting { get; } = [];
    }

    public LaneRoutes(NodeOptions options, Device device, ITensorTarget target)
    {
        (_target, _time, _patience) = (target, options.Time, options.LostAfter);
        _peer = new LanePeer(new LanePeerOptions(options.Name, options.ClusterKey, device) { Listen = options.Listen, Time = options.Time }, this);
    }

    public IPEndPoint Endpoint => _peer.Endpoint;

    /// <summary>Bytes to and from a node since its link stands.</summary>
    public (long Sent, long Received) BytesOf(string node)
    {
        lock (_gate)
            return _links.TryGetValue(node, out var link) ? (link.BytesSent, link.BytesReceived) : default;
    }

    /// <summary>From now on the node is watched for this job, and a stream is ready before it is needed.</summary>
    public void Watch(NodeAddress node, JobSite site)
    {
        lock (_gate)
        {
            var route = Find(node, site);
            if (route.Stream is { IsOpen: true } || route.Opening) return;
            BeginOpening(route);
        }
    }

    /// <summary>Takes a message with its payload; both may be lost on the way.</summary>
    public void Send(NodeAddress node, JobSite site, in Message message)
    {
        LaneStream? stream = null;
        lock (_gate)
        {
            var route = Find(node, site);
            if (route.Stream is { IsOpen: true } open) stream = open;
            else
            {
                if (route.Waiting.Count < MaxWaiting) route.Waiting.Add(message);
                else JobSite.Drop(message);
                if (!route.Opening) BeginOpening(route);
            }
        }
        if (stream is not null) site.Post(stream, message);
    }

    /// <summary>The job is over on this node.</summary>
    public void Forget(JobSite site)
    {
        List<Route> gone;
        lock (_gate)
        {
            gone = [.. _routes.Values.Where(r => r.Site == site)];
            foreach (var route in gone) _routes.Remove((route.Node.Name, site.Id));
        }
        foreach (var route in gone)
        {
            foreach (var message in route.Waiting) JobSite.Drop(message);
            route.Stream?.Close("the job is over on this node");
        }
    }

    public string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting)
    {
        // A job that is not here yet may be in a moment; until then what comes is dropped.
        stream.Tag = _target.SiteOf(stream.Job);
        lock (_gate) _links[stream.Node] = stream.Link;
        return null;
    }

    public void Received(LaneStream stream, LaneMessage message)
    {
        // What is kept here waits for its siblings: the sender is not to wait with it.
        message.ReturnCredit();
        if (stream.Tag is not JobSite { IsOver: false } site) stream.Tag = site = _target.SiteOf(stream.Job)!;
        if (site is null)
        {
            message.Dispose();
            return;
        }
        try
        {
            site.Receive(message);
        }
        catch (LaneFormatException e)
        {
            message.Dispose();
            stream.Close(e.Message);
        }
    }

    public void Closed(LaneStream stream, string why)
    {
        lock (_gate)
        {
            if (_over.IsSet) return;
            // Either side may have opened it; what matters is whether that node still answers.
            foreach (var route in _routes.Values)
            {
                if (route.Node.Name != stream.Node || (route.Stream is { IsOpen: true } && route.Stream != stream)) continue;
                if (!route.Opening) BeginOpening(route);
            }
        }
    }

    /// <summary>All connections close at once, without a goodbye.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_over.IsSet) return;
            _over.Set();
        }
        List<LaneLink> links;
        lock (_gate) links = [.. _links.Values];
        foreach (var link in links) link.Close("the node ends");
        _peer.Dispose();
    }

    private Route Find(NodeAddress node, JobSite site)
    {
        if (_routes.TryGetValue((node.Name, site.Id), out var route) && route.Site == site) return route;
        return _routes[(node.Name, site.Id)] = new Route(node, site);
    }

    // Under the gate.
    private void BeginOpening(Route route)
    {
        if (_over.IsSet) return;
        route.Opening = true;
        new Thread(() => Open(route)) { IsBackground = true, Name = $"lane to {route.Node.Name}" }.Start();
    }

    private void Open(Route route)
    {
        var since = _time.GetTimestamp();
        while (!_over.IsSet && IsWanted(route))
        {
            try
            {
                var link = _peer.Connect(route.Node.LaneEndpoint, route.Node.Name);
                var stream = link.Open(route.Site.Id, _peer.TokenFor(route.Site.Id, _time.GetUtcNow() + _tokenLife), [], route.Site, route.Site.MaxPayloadBytes);
                Opened(route, stream);
                return;
            }
            catch (Exception e) when (e is LaneLostException or LaneFormatException)
            {
                var refused = e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused };
                if (refused || _time.GetElapsedTime(since) >= _patience)
                {
                    Lose(route.Node);
                    return;
                }
                _over.Wait(_retryEvery);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
        lock (_gate) route.Opening = false;
    }

    private bool IsWanted(Route route)
    {
        lock (_gate) return _routes.TryGetValue((route.Node.Name, route.Site.Id), out var known) && known == route;
    }

    private void Opened(Route route, LaneStream stream)
    {
        List<Message> waiting;
        lock (_gate)
        {
            (route.Stream, route.Opening, _links[stream.Node]) = (stream, false, stream.Link);
            waiting = [.. route.Waiting];
            route.Waiting.Clear();
        }
        foreach (var message in waiting) route.Site.Post(stream, message);
    }

    private void Lose(NodeAddress node)
    {
        List<Route> gone;
        lock (_gate)
        {
            gone = [.. _routes.Values.Where(r => r.Node.Name == node.Name)];
            foreach (var route in gone) _routes.Remove((route.Node.Name, route.Site.Id));
        }
        foreach (var message in gone.SelectMany(route => route.Waiting)) JobSite.Drop(message);
        _target.PeerIsLost(node);
    }
}
