using System.Net.Sockets;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>A bare socket that greets as a node of the cluster and then says what it likes.</summary>
internal sealed class Stranger : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000, NoDelay = true };

    public Stranger(LanePeer to, string name = "stranger")
    {
        _socket.Connect(to.Endpoint);
        Send(new LaneFrame(LaneFrameKind.Hello), new LaneGreeting(name, 1).ToControl(PeerPair.Key, "", DateTimeOffset.UtcNow), []);
        ReadFrame();
    }

    /// <summary>A frame as bytes: lengths and checksums are filled in.</summary>
    public static byte[] Frame(LaneFrame frame, ReadOnlySpan<byte> control, ReadOnlySpan<byte> payload)
    {
        var trailer = payload.Length > 0 ? LaneFrame.TrailerBytes : 0;
        var bytes = new byte[LaneFrame.HeadBytes + control.Length + payload.Length + trailer];
        (frame with { ControlBytes = control.Length, PayloadBytes = payload.Length, ControlCrc = Crc32C.Of(control) }).Write(bytes);
        control.CopyTo(bytes.AsSpan(LaneFrame.HeadBytes));
        payload.CopyTo(bytes.AsSpan(LaneFrame.HeadBytes + control.Length));
        if (trailer > 0) BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - trailer), Crc32C.Of(payload));
        return bytes;
    }

    public static byte[] Open(uint stream) => Frame(new LaneFrame(LaneFrameKind.Open, stream, Count: 4), OpenFrame.Write("mnist", LaneToken.Issue(PeerPair.Key, "mnist", DateTimeOffset.UtcNow.AddMinutes(5)), []), []);

    public void Send(LaneFrame frame, ReadOnlySpan<byte> control, ReadOnlySpan<byte> payload) => Send(Frame(frame, control, payload));

    /// <summary>What the other side has closed already takes nothing: that is its right.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0) bytes = bytes[_socket.Send(bytes)..];
        }
        catch (SocketException)
        {
            // Closed.
        }
    }

    /// <summary>Says that nothing more comes; what comes back is still heard.</summary>
    public void End()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // Closed.
        }
    }

    public LaneFrame ReadFrame()
    {
        var head = new byte[LaneFrame.HeadBytes];
        Receive(head);
        var frame = LaneFrame.Read(head);
        Receive(new byte[frame.ControlBytes + frame.PayloadBytes + (frame.PayloadBytes > 0 ? LaneFrame.TrailerBytes : 0)]);
        return frame;
    }

    /// <summary>Reads until the other side closes, which it must do in time.</summary>
    public void AwaitClosed()
    {
        var bytes = new byte[4096];
        try
        {
            while (_socket.Receive(bytes) > 0) { }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed with something of ours unread.
        }
    }

    public void Dispose() => _socket.Dispose();

    private void Receive(Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var received = _socket.Receive(bytes);
            if (received == 0) throw new IOException("the other side closed.");
            bytes = bytes[received..];
        }
    }
}
