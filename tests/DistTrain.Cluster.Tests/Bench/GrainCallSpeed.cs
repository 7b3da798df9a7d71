using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Training;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace DistTrain.Cluster.Tests.Bench;

/// <summary>The lane between two silo processes of this machine against grain calls with <c>byte[]</c> between the same two, in turn.</summary>
internal static class GrainCallSpeed
{
    // Orleans' own bound is 100 MiB; calls near it hold a connection for as long as a probe of the membership may take.
    private const int MaxMessageBytes = 256 << 20;
    private const int RoundBytes = 128 << 20;
    private const int LaneRoundBytes = 256 << 20;
    private const int InFlight = 4;
    private static readonly TimeSpan _callLimit = TimeSpan.FromSeconds(20);
    private static readonly byte[] _key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly int[] _sizes = [64 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];

    /// <summary>The measuring side; starts the other as a child process.</summary>
    public static async Task MeasureAsync(int rounds, TextWriter output)
    {
        var port = FreePort();
        using var silo = Silo(isNear: true, port, port);
        await silo.StartAsync();
        using var child = StartEnd(port);
        var lane = IPEndPoint.Parse((await child.StandardOutput.ReadLineAsync())!);
        using var device = new CpuDevice(1);
        var acknowledged = new Acknowledged();
        using var peer = new LanePeer(new LanePeerOptions("near", _key, device), acknowledged);
        var stream = peer.Connect(lane, "far").Open("speed", peer.TokenFor("speed", DateTimeOffset.UtcNow.AddMinutes(30)), []);
        using var payload = device.Allocate(_sizes[^1] / sizeof(float));
        payload.View.AsSpan().Fill(1.5f);
        var grain = await FarGrain(silo.Services.GetRequiredService<IGrainFactory>());
        foreach (var size in _sizes) await MeasureAsync(size, rounds, grain, stream, acknowledged, payload.View, output);
        child.StandardInput.Close();
        await child.WaitForExitAsync();
        await silo.StopAsync();
    }

    /// <summary>The other side: a silo that joins the first, and the end of a lane. Ends with its input.</summary>
    public static async Task EndAsync(int primary)
    {
        using var silo = Silo(isNear: false, FreePort(), primary);
        await silo.StartAsync();
        using var device = new CpuDevice(1);
        using var peer = new LanePeer(new LanePeerOptions("far", _key, device), new Counting());
        Console.WriteLine(peer.Endpoint);
        while (await Console.In.ReadLineAsync() is not null) { }
        await silo.StopAsync();
    }

    private static async Task MeasureAsync(int size, int rounds, ITakeGrain grain, LaneStream stream, Acknowledged acknowledged, View payload, TextWriter output)
    {
        var bytes = MemoryMarshal.AsBytes(payload.AsSpan())[..size].ToArray();
        var (lane, single, several) = (new List<double>(), new List<double>(), new List<double>());
        var failure = "";
        for (var round = 0; round <= rounds && failure.Length == 0; round++)
        {
            var ofLane = Lane(stream, acknowledged, payload, size);
            try
            {
                var (one, four) = (await CallsAsync(grain, bytes, 1), await CallsAsync(grain, bytes, InFlight));
                // The first warms up.
                if (round == 0) continue;
                lane.Add(ofLane);
                single.Add(one);
                several.Add(four);
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                failure = $"{e.GetType().Name}: {e.Message}";
            }
        }
        output.WriteLine(failure.Length == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{{\"bytes\": {size}, \"rounds\": {rounds}, \"lane_mb_per_s\": {Quantile(lane, 2):F0}, {Against("grain_call", lane, single)}, {Against($"{InFlight}_grain_calls_in_flight", lane, several)}}}")
            : string.Create(CultureInfo.InvariantCulture, $"{{\"bytes\": {size}, \"rounds\": {rounds}, \"grain_call\": \"failed after {lane.Count} rounds: {failure.Replace('"', '\'').ReplaceLineEndings(" ")}\"}}"));
    }

    private static double Lane(LaneStream stream, Acknowledged acknowledged, View payload, int size)
    {
        var count = Math.Clamp(LaneRoundBytes / size, 4, 2000);
        Span<byte> control = stackalloc byte[sizeof(int)];
        MemoryMarshal.Write(control, count);
        var from = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++) stream.Post(control, payload.Part(0, size / sizeof(float)), null);
        acknowledged.Await();
        return (double)count * size / 1e6 / Stopwatch.GetElapsedTime(from).TotalSeconds;
    }

    private static async Task<double> CallsAsync(ITakeGrain grain, byte[] bytes, int inFlight)
    {
        var count = Math.Clamp(RoundBytes / bytes.Length, inFlight, 800);
        var from = Stopwatch.GetTimestamp();
        var running = new Queue<Task>();
        for (var i = 0; i < count; i++)
        {
            if (running.Count >= inFlight) await running.Dequeue().WaitAsync(_callLimit);
            running.Enqueue(grain.Take(bytes));
        }
        await Task.WhenAll(running).WaitAsync(_callLimit);
        return (double)count * bytes.Length / 1e6 / Stopwatch.GetElapsedTime(from).TotalSeconds;
    }

    private static async Task<ITakeGrain> FarGrain(IGrainFactory grains)
    {
        for (var key = 0; key < 1000; key++)
            if (grains.GetGrain<ITakeGrain>(key) is var grain && !await grain.IsNear()) return grain;
        throw new InvalidOperationException("none of 1000 grains was placed on the other silo: it has not joined.");
    }

    private static IHost Silo(bool isNear, int port, int primary) => Host.CreateDefaultBuilder()
        .ConfigureLogging(logging => logging.ClearProviders())
        .UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(port, 0, isNear ? null : new IPEndPoint(IPAddress.Loopback, primary));
            silo.Configure<SiloMessagingOptions>(messaging => (messaging.MaxMessageBodySize, messaging.ResponseTimeout) = (MaxMessageBytes, _callLimit));
            // A call of 64 MiB holds up the probes behind it: a busy silo is not to be taken for a dead one while it is measured.
            silo.Configure<ClusterMembershipOptions>(membership => (membership.ProbeTimeout, membership.NumMissedProbesLimit) = (_callLimit, 10));
            silo.Services.AddSingleton(new MeasuredEnd(isNear));
        })
        .Build();

    private static Process StartEnd(int primary)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in new[] { "exec", typeof(GrainCallSpeed).Assembly.Location, "grain-calls-end", primary.ToString(CultureInfo.InvariantCulture) }) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Against(string name, List<double> lane, List<double> calls)
    {
        var ratios = lane.Zip(calls, (x, y) => x / y).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"\"{name}_mb_per_s\": {Quantile(calls, 2):F0}, \"lane_over_{name}\": {Quantile(ratios, 2):F2}, \"lower_quartile_over_{name}\": {Quantile(ratios, 4):F2}");
    }

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
