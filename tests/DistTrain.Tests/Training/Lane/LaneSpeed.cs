using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>The lane between two nodes against a plain TCP connection with buffers of the same size and, where there is one, against Gloo; each between two processes over loopback, in turn.</summary>
internal static class LaneSpeed
{
    // Short rounds in turn: what else the machine does then meets all alike.
    private const int RoundBytes = 192 << 20;
    private const int FewestMessages = 4;
    private static readonly byte[] _key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly int[] _sizes = [64 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];

    /// <summary>The measuring side; starts the other as a child process.</summary>
    /// <param name="gloo">Command line of tests/gloo-peer.py; empty = without.</param>
    public static void Measure(int rounds, LaneEncryption encryption, string[] gloo, TextWriter output)
    {
        using var child = Start(TestProgram.Launch("lane-end", encryption.ToString()));
        using var peers = gloo.Length > 0 ? Start(new WorkerLaunch(gloo[0], gloo[1..])) : null;
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
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"checksum_mb_per_s\": {Checksum(payload.View):F0}, \"peer\": \"{peers?.StandardOutput.ReadLine()}\"}}"));
            foreach (var size in _sizes) Measure(size, rounds, encryption, socket, stream, acknowledged, payload.View, peers, output);
        }
        foreach (var other in new[] { child, peers })
        {
            other?.StandardInput.Close();
            other?.WaitForExit();
        }
    }

    private static void Measure(int size, int rounds, LaneEncryption encryption, Socket socket, LaneStream stream, Acknowledged acknowledged, View payload, Process? peers, TextWriter output)
    {
        var count = Math.Clamp(RoundBytes / size, FewestMessages, 2000);
        var (ofLane, ofPlain, ofGloo) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round <= rounds; round++)
        {
            // Neither goes first always.
            var one = round % 2 == 0 ? Plain(socket, payload, size, count) : 0;
            var two = Lane(stream, acknowledged, payload, size, count);
            if (round % 2 != 0) one = Plain(socket, payload, size, count);
            var three = peers is null ? double.NaN : Gloo(peers, size, count);
            // The first warms up.
            if (round == 0) continue;
            ofPlain.Add(one);
            ofLane.Add(two);
            ofGloo.Add(three);
        }
        var line = string.Create(CultureInfo.InvariantCulture, $"{{\"bytes\": {size}, \"encryption\": \"{encryption}\", \"rounds\": {rounds}, \"messages\": {count}, \"plain_mb_per_s\": {Quantile(ofPlain, 2):F0}, \"lane_mb_per_s\": {Quantile(ofLane, 2):F0}, {Ratios("plain", ofLane, ofPlain)}");
        output.WriteLine(peers is null ? line + "}" : string.Create(CultureInfo.InvariantCulture, $"{line}, \"gloo_mb_per_s\": {Quantile(ofGloo, 2):F0}, {Ratios("gloo", ofLane, ofGloo)}}}"));
    }

    private static string Ratios(string name, List<double> ofLane, List<double> of)
    {
        var ratios = ofLane.Zip(of, (x, y) => x / y).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"\"over_{name}\": {Quantile(ratios, 2):F3}, \"over_{name}_lower_quartile\": {Quantile(ratios, 4):F3}, \"over_{name}_all\": [{string.Join(", ", ratios.Select(r => r.ToString("F2", CultureInfo.InvariantCulture)))}]");
    }

    private static Process Start(WorkerLaunch launch)
    {
        var start = new ProcessStartInfo(launch.FileName) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in launch.Arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static double Gloo(Process peers, int size, int count)
    {
        peers.StandardInput.WriteLine($"{size} {count}");
        peers.StandardInput.Flush();
        return (double)count * size / 1e6 / double.Parse(peers.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
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

    private static double Lane(LaneStream stream, Acknowledged acknowledged, View payload, int size, int count)
    {
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
    private static double Plain(Socket socket, View payload, int size, int count)
    {
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

    // part = 2: the median; 4: the lower quartile.
    private static double Quantile(List<double> values, int part) => values.Order().ElementAt(values.Count / part);

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
