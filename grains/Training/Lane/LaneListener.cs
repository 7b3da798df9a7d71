using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DistTrain.Training;

/// <summary>A stream that was opened: what the other side says it is.</summary>
/// <param name="Number">The worker's number, from the Open frame's First field.</param>
/// <param name="Stream">The stream's number on that connection.</param>
public sealed record OpenedStream(LaneConnection Connection, uint Stream, int Number);

/// <summary>Takes connections on one address and opens streams for holders of the job's token whose job is this job.</summary>
/// <remarks>An Open frame's payload: token length (2 bytes, little-endian), token, what the sender will compute (UTF-8), which must be equal here. A refusal closes the stream alone; bad framing closes the connection.</remarks>
public sealed class LaneListener : IDisposable
{
    private const int MaxOpensRefused = 8;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;
    private readonly byte[] _clusterKey;
    private readonly string _job;
    private readonly string _identity;
    private readonly TimeProvider _time;
    private readonly Action<OpenedStream> _opened;
    private readonly Thread _thread;
    private readonly SemaphoreSlim _greeting = new(64);

    /// <param name="address">Port 0 takes a free one: see <see cref="Endpoint"/>.</param>
    /// <param name="opened">Called on the connection's own thread; the receiver then owns the connection.</param>
    public LaneListener(IPEndPoint address, byte[] clusterKey, string job, string identity, TimeProvider time, Action<OpenedStream> opened)
    {
        (_clusterKey, _job, _identity, _time, _opened) = (clusterKey, job, identity, time, opened);
        _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _socket.Bind(address);
        _socket.Listen(64);
        Endpoint = (IPEndPoint)_socket.LocalEndPoint!;
        _thread = new Thread(Accept) { IsBackground = true, Name = "lane" };
        _thread.Start();
    }

    public IPEndPoint Endpoint { get; }

    /// <summary>The payload with which a worker opens its stream.</summary>
    public static byte[] OpenPayload(ReadOnlySpan<byte> token, string identity)
    {
        var text = Encoding.UTF8.GetBytes(identity);
        var payload = new byte[2 + token.Length + text.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(payload, (ushort)token.Length);
        token.CopyTo(payload.AsSpan(2));
        text.CopyTo(payload, 2 + token.Length);
        return payload;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _thread.Join();
    }

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = _socket.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
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
        LaneConnection? connection = null;
        try
        {
            socket.ReceiveTimeout = (int)_patience.TotalMilliseconds;
            connection = new LaneConnection(socket);
            if (Open(connection) is not { } stream) return;
            socket.ReceiveTimeout = 0;
            connection = null;
            _opened(stream);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // A stranger that says nothing, or nothing that we understand, is let go.
        }
        finally
        {
            connection?.Dispose();
            _greeting.Release();
        }
    }

    private OpenedStream? Open(LaneConnection connection)
    {
        for (var tries = 0; tries < MaxOpensRefused && connection.TryReadHead(out var header); tries++)
        {
            if (header.Kind != LaneKind.Open) throw new LaneFormatException($"the first frame is {header.Kind}. It must be Open.");
            var payload = new byte[header.PayloadBytes];
            connection.ReadPayload(header, payload);
            if (Refusal(payload) is not { } refusal) return new OpenedStream(connection, header.Stream, header.First);
            connection.SendText(LaneKind.Refused, header.Stream, refusal);
        }
        return null;
    }

    private string? Refusal(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 2) return "the Open frame is empty. It must hold a token.";
        var tokenBytes = BinaryPrimitives.ReadUInt16LittleEndian(payload);
        if (tokenBytes > payload.Length - 2) return $"the Open frame announces a token of {tokenBytes} bytes and holds {payload.Length - 2}.";
        if (LaneToken.Refusal(_clusterKey, _job, payload.Slice(2, tokenBytes), _time.GetUtcNow()) is { } refusal) return refusal;
        var identity = Encoding.UTF8.GetString(payload[(2 + tokenBytes)..]);
        return identity == _identity ? null : $"the worker's job is not this job: it has {identity}, here it is {_identity}. Spec, data and release must be the same on both sides.";
    }
}
