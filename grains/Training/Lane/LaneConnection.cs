using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>Frames over one TCP connection, blocking: one thread reads, any thread sends. Payloads go from and to native memory; after it is made, nothing is allocated.</summary>
public sealed unsafe class LaneConnection : IDisposable
{
    // The head leaves together with the payload's first bytes, so that no small packet goes out alone; the rest leaves straight from its buffer.
    private const int StagingBytes = 16 << 10;
    private const int SocketBufferBytes = 1 << 20;

    private readonly Socket _socket;
    private readonly Lock _sending = new();
    private byte* _staging;
    private int _unread;
    private long _received;

    public LaneConnection(Socket socket)
    {
        _socket = socket;
        (_socket.NoDelay, _socket.SendBufferSize, _socket.ReceiveBufferSize) = (true, SocketBufferBytes, SocketBufferBytes);
        _staging = (byte*)NativeMemory.AlignedAlloc(StagingBytes, 64);
    }

    ~LaneConnection() => Free();

    public static LaneConnection Connect(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(endpoint);
            return new LaneConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Bytes that have come in, read or not: it grows while the other side speaks, whether or not anybody listens. From any thread.</summary>
    /// <exception cref="ObjectDisposedException">Closed.</exception>
    public long Arrived => Interlocked.Read(ref _received) + _socket.Available;

    /// <summary>A whole frame without payload waits to be read.</summary>
    public bool HasHead => _socket.Available >= LaneHeader.Bytes;

    /// <summary>Sends a frame whose payload is read from <paramref name="payload"/>; PayloadBytes and PayloadCrc of the head are filled in.</summary>
    public void Send(LaneHeader header, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > LaneHeader.MaxBytesOf(header.Kind))
            throw new ArgumentException($"a {header.Kind} frame of {payload.Length} bytes is to be sent. It must have at most {LaneHeader.MaxBytesOf(header.Kind)}.", nameof(payload));
        header = header with { PayloadBytes = payload.Length, PayloadCrc = Crc32C.Of(payload) };
        lock (_sending)
        {
            ObjectDisposedException.ThrowIf(_staging == null, this);
            var staging = new Span<byte>(_staging, StagingBytes);
            header.Write(staging);
            var beside = Math.Min(payload.Length, StagingBytes - LaneHeader.Bytes);
            payload[..beside].CopyTo(staging[LaneHeader.Bytes..]);
            SendAll(staging[..(LaneHeader.Bytes + beside)]);
            SendAll(payload[beside..]);
        }
    }

    public void SendText(LaneKind kind, uint stream, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Send(new LaneHeader(kind, stream), bytes.AsSpan(0, Math.Min(bytes.Length, LaneHeader.MaxControlBytes)));
    }

    /// <summary>Waits for the next frame's head; its payload must then be read or skipped. False: the other side closed between two frames.</summary>
    /// <exception cref="LaneFormatException">Bad framing: close the connection.</exception>
    public bool TryReadHead(out LaneHeader header)
    {
        if (_unread > 0) throw new InvalidOperationException($"{_unread} bytes of the last frame's payload are still unread. Read or skip them first.");
        Span<byte> head = stackalloc byte[LaneHeader.Bytes];
        var received = _socket.Receive(head);
        header = default;
        if (received == 0) return false;
        Interlocked.Add(ref _received, received);
        ReceiveAll(head[received..], "head");
        header = LaneHeader.Read(head);
        _unread = header.PayloadBytes;
        return true;
    }

    /// <summary>Reads the whole payload of <paramref name="header"/> straight into its place and checks it.</summary>
    /// <param name="destination">Exactly PayloadBytes.</param>
    public void ReadPayload(in LaneHeader header, Span<byte> destination)
    {
        if (destination.Length != header.PayloadBytes || _unread != header.PayloadBytes)
            throw new InvalidOperationException($"a payload of {header.PayloadBytes} bytes is read into {destination.Length}. They must be equal.");
        ReceiveAll(destination, "payload");
        _unread = 0;
        Check(header, Crc32C.Of(destination));
    }

    /// <summary>Reads and drops the payload.</summary>
    public void SkipPayload(in LaneHeader header)
    {
        Span<byte> scratch = stackalloc byte[4096];
        var crc = 0u;
        for (; _unread > 0;)
        {
            var part = scratch[..Math.Min(_unread, scratch.Length)];
            ReceiveAll(part, "payload");
            crc = Crc32C.Append(crc, part);
            _unread -= part.Length;
        }
        Check(header, crc);
    }

    public string ReadText(in LaneHeader header)
    {
        var bytes = new byte[header.PayloadBytes];
        ReadPayload(header, bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Ends all reads and sends that are under way, from any thread.</summary>
    public void Close()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Already closed by the other side or by us: the state that is wanted.
        }
        _socket.Dispose();
    }

    public void Dispose()
    {
        Close();
        lock (_sending) Free();
        GC.SuppressFinalize(this);
    }

    private static void Check(in LaneHeader header, uint crc)
    {
        if (crc != header.PayloadCrc) throw new LaneFormatException($"the payload of a {header.Kind} frame has checksum 0x{crc:x8}. Its head says 0x{header.PayloadCrc:x8}: it was damaged on the way.");
    }

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[_socket.Send(bytes)..];
    }

    private void ReceiveAll(Span<byte> bytes, string what)
    {
        while (bytes.Length > 0)
        {
            var received = _socket.Receive(bytes);
            if (received == 0) throw new LaneFormatException($"the connection closed {bytes.Length} bytes before the end of a frame's {what}.");
            Interlocked.Add(ref _received, received);
            bytes = bytes[received..];
        }
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_staging);
        _staging = null;
    }
}
