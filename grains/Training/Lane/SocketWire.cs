using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DistTrain.Training;

/// <summary>Consecutive bytes in native memory: the system's <c>iovec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Segment(void* start, nuint bytes)
{
    public void* Start = start;
    public nuint Bytes = bytes;

    public readonly ReadOnlySpan<byte> AsSpan() => new(Start, (int)Bytes);
}

/// <summary>What carries a link's bytes. One thread sends, one receives, any ends it.</summary>
internal interface ILaneWire : IDisposable
{
    /// <summary>Sends all segments, in order. They may be changed.</summary>
    void Send(Span<Segment> segments);

    /// <summary>A call of Send is cheapest for a multiple of so many bytes: what is left over leaves as a packet of its own. 1 where it does not matter.</summary>
    int SegmentBytes { get; }

    /// <summary>At least one byte; 0: the other side has closed.</summary>
    int Receive(Span<byte> bytes);

    /// <summary>What identifies this connection's own or other end beyond doubt, to be signed in the greeting; empty where nothing does.</summary>
    string Binding(bool own);

    /// <summary>How long a call waits for the other side.</summary>
    void SetTimeouts(TimeSpan send, TimeSpan receive);

    /// <summary>Ends calls under way. From any thread.</summary>
    void Shutdown();
}

/// <summary>A TCP connection, plain. Where the system has scatter-gather sends of native memory, they are used.</summary>
internal sealed unsafe partial class SocketWire : ILaneWire
{
    public const int BufferBytes = 4 << 20;
    private const int NoSignal = 0x4000;

    private readonly Socket _socket;

    public SocketWire(Socket socket)
    {
        _socket = socket;
        Tune(socket);
        SegmentBytes = SegmentOf(socket);
    }

    public static void Tune(Socket socket) => (socket.NoDelay, socket.SendBufferSize, socket.ReceiveBufferSize) = (true, BufferBytes, BufferBytes);

    public void Send(Span<Segment> segments)
    {
        if (OperatingSystem.IsLinux() && Environment.Is64BitProcess) SendGathered(segments);
        else
            foreach (var segment in segments)
                for (var rest = segment.AsSpan(); rest.Length > 0;) rest = rest[_socket.Send(rest)..];
    }

    public int SegmentBytes { get; }

    public int Receive(Span<byte> bytes) => _socket.Receive(bytes);

    public string Binding(bool own) => "";

    public void SetTimeouts(TimeSpan send, TimeSpan receive) => SetTimeouts(_socket, send, receive);

    public void Shutdown() => Shutdown(_socket);

    public static void SetTimeouts(Socket socket, TimeSpan send, TimeSpan receive) => (socket.SendTimeout, socket.ReceiveTimeout) = (Milliseconds(send), Milliseconds(receive));

    public static void Shutdown(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Already closed by the other side or by us: the state that is wanted.
        }
    }

    public void Dispose() => _socket.Dispose();

    private void SendGathered(Span<Segment> segments)
    {
        var held = false;
        try
        {
            _socket.SafeHandle.DangerousAddRef(ref held);
            var handle = (int)_socket.SafeHandle.DangerousGetHandle();
            while (segments.Length > 0)
            {
                nint sent;
                fixed (Segment* first = segments)
                {
                    var header = new MessageHeader { Segments = first, Count = (nuint)segments.Length };
                    sent = SendMessage(handle, &header, NoSignal);
                }
                if (sent < 0)
                {
                    var error = Marshal.GetLastPInvokeError();
                    if (error == Interrupted) continue;
                    throw new IOException(error == WouldBlock ? $"the other side took nothing for {_socket.SendTimeout} ms" : $"the other side is gone: {Marshal.GetPInvokeErrorMessage(error)}");
                }
                segments = Past(segments, (nuint)sent);
            }
        }
        finally
        {
            if (held) _socket.SafeHandle.DangerousRelease();
        }
    }

    private static Span<Segment> Past(Span<Segment> segments, nuint bytes)
    {
        while (segments.Length > 0 && bytes >= segments[0].Bytes)
        {
            bytes -= segments[0].Bytes;
            segments = segments[1..];
        }
        if (segments.Length > 0) segments[0] = new Segment((byte*)segments[0].Start + bytes, segments[0].Bytes - bytes);
        return segments;
    }

    // Of a connected socket: 65,483 on loopback.
    private static int SegmentOf(Socket socket)
    {
        if (!OperatingSystem.IsLinux()) return 1;
        Span<byte> segment = stackalloc byte[sizeof(int)];
        try
        {
            socket.GetRawSocketOption(ProtocolTcp, MaxSegment, segment);
        }
        catch (SocketException)
        {
            // Closed meanwhile: the next call says so.
        }
        return Math.Max(1, MemoryMarshal.Read<int>(segment));
    }

    private const int ProtocolTcp = 6;
    private const int MaxSegment = 2;

    private static int Milliseconds(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? 0 : (int)time.TotalMilliseconds;

    private const int Interrupted = 4;
    private const int WouldBlock = 11;

    // struct msghdr of 64-bit Linux.
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameBytes;
        public Segment* Segments;
        public nuint Count;
        public void* Control;
        public nuint ControlBytes;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(int socket, MessageHeader* message, int flags);
}
