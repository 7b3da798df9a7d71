using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;

namespace DistTrain.Training;

/// <summary>A node's end of the lane between nodes: it takes links and makes them. A link is one connection, greeted with the cluster's key on both sides; the streams of any number of jobs share it.</summary>
public sealed class LanePeer : IDisposable
{
    private const int MaxGreetings = 64;
    private static readonly TimeSpan _watchEvery = TimeSpan.FromMilliseconds(250);

    private readonly Socket? _listener;
    private readonly IPEndPoint? _endpoint;
    private readonly LaneGreeting _self;
    private readonly SemaphoreSlim _greeting = new(MaxGreetings);
    private readonly Lock _gate = new();
    private readonly List<LaneLink> _links = [];
    private readonly ManualResetEventSlim _over = new();
    private readonly Lazy<LaneCertificate> _certificate;
    private readonly Thread? _accepting;
    private readonly Thread _watching;

    /// <summary>Listens from now on.</summary>
    /// <exception cref="ArgumentException">The options cannot be; the text says all that is wrong with them.</exception>
    public LanePeer(LanePeerOptions options, ILaneReceiver receiver)
    {
        options.Check();
        (Options, Receiver) = (options, receiver);
        _self = new LaneGreeting(options.Name, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
        Pool = new LanePool(options.Device);
        _certificate = new(() => options.Certificate ?? LaneCertificate.Own(options.Time.GetUtcNow()));
        if (options.Listen is { } listen)
        {
            var listener = _listener = ListenOn(listen);
            _endpoint = (IPEndPoint)listener.LocalEndPoint!;
            _accepting = new Thread(() => AcceptAll(listener)) { IsBackground = true, Name = "lane listener" };
            _accepting.Start();
        }
        _watching = new Thread(WatchAll) { IsBackground = true, Name = "lane watch" };
        _watching.Start();
    }

    /// <summary>Where the node listens.</summary>
    /// <exception cref="InvalidOperationException">Nowhere.</exception>
    public IPEndPoint Endpoint => _endpoint ?? throw new InvalidOperationException($"node {Options.Name} listens nowhere. Give its options a place to listen on.");

    /// <summary>Buffers for payloads to send, and those of arriving messages.</summary>
    public LanePool Pool { get; }

    internal LanePeerOptions Options { get; }

    internal ILaneReceiver Receiver { get; }

    /// <summary>The right to open a stream of a job, until <paramref name="expiry"/>.</summary>
    public byte[] TokenFor(string job, DateTimeOffset expiry) => LaneToken.Issue(Options.ClusterKey, job, expiry);

    /// <summary>Links that stand.</summary>
    public IReadOnlyList<LaneLink> Links
    {
        get { lock (_gate) return [.. _links.Where(link => link.End is null)]; }
    }

    /// <summary>Connects to another node; answers with the link that is there already, where there is one to that node. Blocks for at most the patience.</summary>
    /// <exception cref="LaneLostException">Nobody answers in time, or not that node.</exception>
    public LaneLink Connect(IPEndPoint endpoint, string node)
    {
        lock (_gate)
            if (_links.Find(link => link.Node == node && link.End is null) is { } standing) return standing;
        var wire = Dial(endpoint, node);
        try
        {
            LaneHello.Send(wire, _self, Options);
            var other = LaneHello.Receive(wire, Options);
            if (other.Node != node) throw new LaneLostException($"at {endpoint} node {other.Node} answers. It must be {node}.");
            return Add(wire, other, dialed: true);
        }
        catch (Exception e) when (e is not LaneLostException and (IOException or SocketException or ObjectDisposedException))
        {
            wire.Dispose();
            throw new LaneLostException($"node {node} at {endpoint} does not greet: {e.Message}", e);
        }
        catch
        {
            wire.Dispose();
            throw;
        }
    }

    /// <summary>Says goodbye on all links and ends them.</summary>
    public void Dispose()
    {
        if (_over.IsSet) return;
        _over.Set();
        _listener?.Dispose();
        _accepting?.Join();
        _watching.Join();
        LaneLink[] links;
        lock (_gate) links = [.. _links];
        foreach (var link in links) link.Leave($"node {Options.Name} ends");
        foreach (var link in links) link.Join();
        Pool.Dispose();
    }

    internal void Ended(LaneLink link)
    {
        lock (_gate) _links.Remove(link);
    }

    private ILaneWire Dial(IPEndPoint endpoint, string node)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // An asynchronous connect would leave the descriptor non-blocking for good.
            using var limit = new Timer(_ => socket.Dispose(), null, Options.Patience, Timeout.InfiniteTimeSpan);
            socket.Connect(endpoint);
            return WireOf(socket, endpoint.Address, dialed: true);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            socket.Dispose();
            throw new LaneLostException($"node {node} at {endpoint} does not shake hands for an encrypted lane: {e.Message} Beyond loopback a lane is encrypted; both sides need the same setting, and certificates of the same authority where one is named.", e);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            var late = e is ObjectDisposedException || socket.SafeHandle.IsClosed;
            socket.Dispose();
            throw new LaneLostException($"node {node} at {endpoint} cannot be reached: {(late ? $"no answer within {Options.Patience.TotalSeconds:F0} s" : e.Message)}", e);
        }
    }

    private ILaneWire WireOf(Socket socket, IPAddress address, bool dialed)
    {
        SocketWire.SetTimeouts(socket, Options.Patience, Options.Patience);
        return Options.Encrypts(address) ? TlsWire.Make(socket, _certificate.Value, dialed) : new SocketWire(socket);
    }

    private LaneLink Add(ILaneWire wire, LaneGreeting other, bool dialed)
    {
        if (other.Node == _self.Node) throw new LaneFormatException($"another node is named {other.Node} too. Names must be unique.");
        wire.SetTimeouts(Options.Patience, Timeout.InfiniteTimeSpan);
        var link = new LaneLink(this, wire, other, dialed);
        List<LaneLink> stale;
        lock (_gate)
        {
            if (_over.IsSet) throw new LaneLostException($"node {_self.Node} ends.");
            stale = _links.FindAll(old => old.Node == other.Node && old.Instance != other.Instance);
            _links.Add(link);
            link.Start();
        }
        // A node that came back has forgotten what it had; its old links may not know it yet.
        foreach (var old in stale) old.Close($"node {other.Node} was started again");
        return link;
    }

    private static Socket ListenOn(IPEndPoint place)
    {
        var listener = new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(place);
            listener.Listen(64);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private void AcceptAll(Socket listener)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = listener.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (_over.IsSet) return;
                // Out of descriptors, or a caller that hung up at once: the next one may be luckier.
                if (_over.Wait(_watchEvery)) return;
                continue;
            }
            if (!_greeting.Wait(0))
            {
                // More strangers than we greet at once: whoever means it comes back.
                socket.Dispose();
                continue;
            }
            new Thread(() => Greet(socket)) { IsBackground = true, Name = "lane greeting" }.Start();
        }
    }

    private void Greet(Socket socket)
    {
        var linked = false;
        try
        {
            var wire = WireOf(socket, ((IPEndPoint)socket.LocalEndPoint!).Address, dialed: false);
            var other = LaneHello.Receive(wire, Options);
            LaneHello.Send(wire, _self, Options);
            Add(wire, other, dialed: false);
            linked = true;
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or AuthenticationException)
        {
            // A stranger that says nothing, or nothing that we understand, is let go.
        }
        finally
        {
            if (!linked) socket.Dispose();
            _greeting.Release();
        }
    }

    private void WatchAll()
    {
        var heard = new Dictionary<LaneLink, (long Bytes, TimeSpan Quiet)>();
        var last = Stopwatch.GetTimestamp();
        while (!_over.Wait(_watchEvery))
        {
            var round = Stopwatch.GetElapsedTime(last);
            last = Stopwatch.GetTimestamp();
            // While this process itself stood still, nobody could be heard: that is nobody's silence.
            if (round > 2 * _watchEvery) round = 2 * _watchEvery;
            var links = Links;
            foreach (var gone in heard.Keys.Except(links).ToList()) heard.Remove(gone);
            foreach (var link in links)
            {
                var bytes = link.BytesReceived;
                var quiet = heard.TryGetValue(link, out var before) && before.Bytes == bytes ? before.Quiet + round : TimeSpan.Zero;
                heard[link] = (bytes, quiet);
                link.Watch(quiet);
            }
        }
    }
}
