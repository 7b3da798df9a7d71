using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A link or stream that could not be made, or is over.</summary>
public sealed class LaneLostException(string message, Exception? cause = null) : IOException(message, cause);

/// <summary>One connection between two nodes, with the streams of their jobs. From any thread.</summary>
public sealed partial class LaneLink
{
    private const int MaxPieces = 16;
    private const int MaxStreams = 4096;
    private static readonly TimeSpan _farewell = TimeSpan.FromMilliseconds(500);

    private readonly LanePeer _peer;
    private readonly ILaneWire _wire;
    private readonly object _gate = new();
    private readonly Lock _calls = new();
    private readonly List<LaneStream> _starved = [];
    private readonly Dictionary<uint, LaneStream> _streams = [];
    private readonly Thread _reading;
    private readonly Thread _writing;
    private uint _lastStream;
    private string? _end;
    private bool _leaving;
    private long _received;
    private long _sent;

    /// <param name="dialed">This side made the connection: its streams have odd numbers.</param>
    internal LaneLink(LanePeer peer, ILaneWire wire, LaneGreeting other, bool dialed)
    {
        (_peer, _wire, Node, Instance) = (peer, wire, other.Node, other.Instance);
        _lastStream = dialed ? uint.MaxValue : 0;
        _reading = new Thread(ReadAll) { IsBackground = true, Name = $"lane from {Node}" };
        _writing = new Thread(WriteAll) { IsBackground = true, Name = $"lane to {Node}" };
    }

    /// <summary>Name of the node at the other end.</summary>
    public string Node { get; }

    /// <summary>Why the link is over; null while it stands.</summary>
    public string? End => Volatile.Read(ref _end);

    /// <summary>Bytes received so far, heads included.</summary>
    public long BytesReceived => Interlocked.Read(ref _received);

    /// <summary>Bytes sent so far, heads included.</summary>
    public long BytesSent => Interlocked.Read(ref _sent);

    /// <summary>For how long nothing had been heard when the link was ended for that; zero where it was not.</summary>
    public TimeSpan Silent { get; private set; }

    internal ulong Instance { get; }

    /// <summary>Opens a stream and waits for the answer, for at most the patience. Messages may reach the receiver before this returns.</summary>
    /// <param name="tag">The stream's <see cref="LaneStream.Tag"/>.</param>
    /// <param name="maxPayloadBytes">The stream's <see cref="LaneStream.MaxPayloadBytes"/>; 0 = as the peer has it.</param>
    /// <exception cref="LaneLostException">Refused, with the other side's reason; or no answer; or the link is over.</exception>
    public LaneStream Open(string job, ReadOnlySpan<byte> token, ReadOnlySpan<byte> greeting, object? tag = null, int maxPayloadBytes = 0)
    {
        if (Thread.CurrentThread == _reading) throw new InvalidOperationException("a stream is opened from the thread that reads the link, which could never read the answer. Open it from another.");
        var stream = AddStream(job, tag, maxPayloadBytes, token, greeting);
        var traffic = stream.Traffic;
        if (!traffic.Answered.Wait(_peer.Options.Patience)) Close(stream, $"not answered within {_peer.Options.Patience.TotalSeconds:F0} s");
        lock (_gate)
            return traffic.Phase == StreamPhase.Open ? stream : throw new LaneLostException($"node {Node} opens no stream for job {job}: {traffic.Why}");
    }

    /// <summary>Ends the link and with it all its streams.</summary>
    public void Close(string why)
    {
        lock (_gate)
        {
            if (_end is not null) return;
            Volatile.Write(ref _end, why);
            Monitor.PulseAll(_gate);
        }
        _wire.Shutdown();
    }

    /// <summary>Says goodbye before the end, where the other side still listens.</summary>
    internal void Leave(string why)
    {
        lock (_gate)
        {
            if (_end is null)
            {
                _leaving = true;
                Queue(LaneFrameKind.Goodbye, null, Text(why));
                for (var since = Stopwatch.GetTimestamp(); _end is null && (_control.Count > 0 || _current is not null) && Stopwatch.GetElapsedTime(since) < _farewell;) Monitor.Wait(_gate, _farewell);
            }
        }
        Close(why);
    }

    internal void Start()
    {
        _writing.Start();
        _reading.Start();
    }

    internal void Join()
    {
        if (Thread.CurrentThread != _writing) _writing.Join();
        if (Thread.CurrentThread != _reading) _reading.Join();
    }

    internal bool IsOpen(LaneStream stream)
    {
        lock (_gate) return _end is null && stream.Traffic.Phase == StreamPhase.Open;
    }

    internal void Close(LaneStream stream, string why)
    {
        lock (_gate)
        {
            if (!TryEnd(stream, why) || _end is not null) return;
            Queue(LaneFrameKind.Closed, stream, Text(why));
        }
    }

    internal void ReturnCredit(LaneStream stream)
    {
        Interlocked.Increment(ref stream.Traffic.Granted);
        lock (_gate)
        {
            if (_end is not null || stream.Traffic.Phase == StreamPhase.Closed) return;
            var traffic = stream.Traffic;
            traffic.Owed++;
            // Several at once while the other side has plenty: each of these frames wakes a thread on either side.
            if (traffic.Owing || (traffic.Owed < _peer.Options.Credits / 4 && Volatile.Read(ref traffic.Granted) - traffic.Owed > _peer.Options.Credits / 2)) return;
            traffic.Owing = true;
            Queue(LaneFrameKind.Credit, stream, []);
        }
    }

    /// <summary>The watch's round: says that we live, and ends what has been silent or has waited for too long.</summary>
    internal void Watch(TimeSpan quiet)
    {
        if (quiet >= _peer.Options.Silence)
        {
            Silent = quiet;
            Close($"node {Node} said nothing for {quiet.TotalSeconds:F1} s");
            return;
        }
        lock (_gate)
        {
            if (_end is not null) return;
            if (_control.Count == 0) Queue(LaneFrameKind.Alive, null, []);
            foreach (var stream in _streams.Values)
                if (stream.Traffic.StarvedSince is > 0 and var since && Stopwatch.GetElapsedTime(since) >= _peer.Options.CreditPatience) _starved.Add(stream);
            foreach (var stream in _starved)
            {
                var why = $"node {Node} gave no credit back for {_peer.Options.CreditPatience.TotalSeconds:F0} s";
                TryEnd(stream, why);
                Queue(LaneFrameKind.Closed, stream, Text(why));
            }
        }
        foreach (var stream in _starved)
            lock (_calls) _peer.Receiver.Closed(stream, stream.Traffic.Why);
        _starved.Clear();
    }

    private LaneStream AddStream(string job, object? tag, int maxPayloadBytes, ReadOnlySpan<byte> token, ReadOnlySpan<byte> greeting)
    {
        var control = OpenFrame.Write(job, token, greeting);
        lock (_gate)
        {
            if (_end is { } end) throw new LaneLostException($"the link to node {Node} is over: {end}");
            if (_streams.Count >= MaxStreams) throw new LaneLostException($"the link to node {Node} has {MaxStreams} streams already.");
            _lastStream += 2;
            var stream = new LaneStream(this, _lastStream, job, maxPayloadBytes > 0 ? maxPayloadBytes : _peer.Options.MaxPayloadBytes) { Tag = tag };
            stream.Traffic.Granted = _peer.Options.Credits;
            _streams.Add(stream.Number, stream);
            Queue(LaneFrameKind.Open, stream, control, _peer.Options.Credits);
            return stream;
        }
    }

    // Under the gate. False: it was over already.
    private bool TryEnd(LaneStream stream, string why)
    {
        var traffic = stream.Traffic;
        if (traffic.Phase == StreamPhase.Closed) return false;
        (traffic.Phase, traffic.Why, traffic.StarvedSince) = (StreamPhase.Closed, why, 0);
        _streams.Remove(stream.Number);
        _sending.Remove(stream);
        DropWaiting(traffic);
        traffic.Answered.Set();
        return true;
    }

    private static byte[] Text(string why)
    {
        var bytes = Encoding.UTF8.GetBytes(why);
        return bytes.Length <= LaneFrame.MaxControlBytes ? bytes : bytes[..LaneFrame.MaxControlBytes];
    }

    private static bool IsWireEnd(Exception e) => e is IOException or SocketException or ObjectDisposedException;
}
