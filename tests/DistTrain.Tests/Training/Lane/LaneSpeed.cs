using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>The lane between two nodes against a plain TCP connection with buffers of the same size, both between two processes over loopback, in turn.</summary>
internal static class LaneSpeed
{
    private const int RoundBytes = 512 << 20;
    private static readonly byte[] _key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly int[] _sizes = [64 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];

    /// <summary>The measuring side; starts the other as a child process.</summary>
    public static void Measure(int rounds, LaneEncryption encryption, TextWriter output)
    {
        var launch = TestProgram.Launch("lane-end", encryption.ToString());
        var start = new ProcessStartInfo(launch.FileName) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in launch.Arguments) start.ArgumentList.Add(argument);
        using var child = Process.Start(start)!;
        var (lane, plain) = (IPEndPoint.Parse(child.StandardOutput.ReadLine()!), IPEndPoint.Parse(child.StandardOutput.ReadLine()!));
        using var device = new CpuDevice(1, null);
        var acknowledged = new Acknowledged();
        using (var peer = new LanePeer(new LanePeerOptions("measuring", _key, device) { Encryption = encryption }, acknowledged))
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendBufferSize = SocketWire.BufferBytes })
        {
            var stream = peer.Connect(lane, "end").Open("speed", peer.TokenFor("speed", DateTimeOffset.UtcNow.AddMinutes(5)), []);
            socket.Connect(plain);
            using var payload = device.Allocate(_sizes[^1] / sizeof(float));
            for (var i = 0; i < payload.Length; i++) payload.View.AsSpan()[i] = i;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"checksum_mb_per_s\": {Checksum(payload.View):F0}}}"));
            foreach (var size in _sizes)
            {
                var (ofLane, ofPlain) = (new List<double>(), new List<double>());
                for (var round = 0; round <= rounds; round++)
                {
                    var one = Plain(socket, payload.View, size);
                    var two = Lane(stream, acknowledged, payload.View, size);
                    if (round == 0) continue;
                    ofPlain.Add(one);
                    ofLane.Add(two);
                }
                var ratio = Median(ofLane.Zip(ofPlain, (x, y) => x / y));
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"bytes\": {size}, \"encryption\": \"{encryption}\", \"rounds\": {rounds}, \"plain_mb_per_s\": {Median(ofPlain):F0}, \"lane_mb_per_s\": {Median(ofLane):F0}, \"ratio\": {ratio:F3}}}"));
            }
        }
        child.StandardInput.Close();
        child.WaitForExit();
    }

    /// <summary>The other side: takes what comes and says when a round is complete.</summary>
    public static int End(LaneEncryption encryption)
    {
        using var device = new CpuDevice(1, null);
        using var peer = new LanePeer(new LanePeerOptions("end", _key, device) { Encryption = encryption }, new Counting());
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = SocketWire.BufferBytes };
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        Console.WriteLine(peer.Endpoint);
        Console.WriteLine(listener.LocalEndPoint);
        new Thread(() => TakePlain(listener.Accept())) { IsBackground = true }.Start();
        while (Console.In.ReadLine() is not null) { }
        return 0;
    }

    private static double Lane(LaneStream stream, Acknowledged acknowledged, View payload, int size)
    {
        var count = Math.Min(RoundBytes / size, 2000);
        Span<byte> control = stackalloc byte[4];
        MemoryMarshal.Write(control, count);
        var from = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++) stream.Post(control, payload.Part(0, size / sizeof(float)), null);
        acknowledged.Await();
        return (double)count * size / 1e6 / Stopwatch.GetElapsedTime(from).TotalSeconds;
    }

    // As the lane does it: 256 KiB that lie in the core's cache.
    private static double Checksum(View payload)
    {
        var bytes = MemoryMarshal.AsBytes(payload.AsSpan())[..(256 << 10)];
        var (sum, from) = (0u, 0L);
        for (var i = 0; i < 6000; i++)
        {
            if (i == 2000) from = Stopwatch.GetTimestamp();
            sum = Crc32C.Append(sum, bytes);
        }
        GC.KeepAlive(sum);
        return 4000.0 * bytes.Length / 1e6 / Stopwatch.GetElapsedTime(from).TotalSeconds;
    }

    // Before each round: how many buffers of which size.
    private static double Plain(Socket socket, View payload, int size)
    {
        var count = Math.Min(RoundBytes / size, 2000);
        Span<int> order = [count, size];
        var bytes = MemoryMarshal.AsBytes(payload.AsSpan())[..size];
        SendAll(socket, MemoryMarshal.AsBytes(order));
        var from = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++) SendAll(socket, bytes);
        ReceiveAll(socket, stackalloc byte[1]);
        return (double)count * size / 1e6 / Stopwatch.GetElapsedTime(from).TotalSeconds;
    }

    private static unsafe void TakePlain(Socket socket)
    {
        socket.NoDelay = true;
        var memory = (byte*)NativeMemory.AlignedAlloc((nuint)_sizes[^1], 64);
        Span<int> order = stackalloc int[2];
        while (ReceiveAll(socket, MemoryMarshal.AsBytes(order)))
        {
            for (var i = 0; i < order[0]; i++) ReceiveAll(socket, new Span<byte>(memory, order[1]));
            SendAll(socket, [1]);
        }
    }

    private static void SendAll(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[socket.Send(bytes)..];
    }

    private static bool ReceiveAll(Socket socket, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var received = socket.Receive(bytes);
            if (received == 0) return false;
            bytes = bytes[received..];
        }
        return true;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private sealed class Acknowledged : ILaneReceiver
    {
        private readonly AutoResetEvent _came = new(false);

        public void Await()
        {
            if (!_came.WaitOne(TimeSpan.FromMinutes(1))) throw new TimeoutException("the other side acknowledged no round within a minute.");
        }

        public string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting) => "nobody opens a stream to the measuring side";

        public void Received(LaneStream stream, LaneMessage message)
        {
            message.Dispose();
            _came.Set();
        }

        public void Closed(LaneStream stream, string why)
        {
        }
    }

    private sealed class Counting : ILaneReceiver
    {
        private int _count;

        public string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting) => null;

        public void Received(LaneStream stream, LaneMessage message)
        {
            var count = MemoryMarshal.Read<int>(message.Control);
            message.Dispose();
            if (++_count < count) return;
            _count = 0;
            stream.Post([1]);
        }

        public void Closed(LaneStream stream, string why)
        {
        }
    }
}
