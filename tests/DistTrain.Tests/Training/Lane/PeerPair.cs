using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Writes down what the lane brings. Payloads stay until the test disposes of them.</summary>
internal sealed class Inbox : ILaneReceiver
{
    public BlockingCollection<LaneStream> Opened { get; } = [];

    public BlockingCollection<(LaneStream Stream, LaneMessage Message)> Messages { get; } = [];

    public BlockingCollection<(LaneStream Stream, string Why)> Ended { get; } = [];

    public Func<LaneStream, byte[], string?> Answer { get; set; } = (_, _) => null;

    public string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting)
    {
        if (Answer(stream, greeting.ToArray()) is { } refusal) return refusal;
        Opened.Add(stream);
        return null;
    }

    public void Received(LaneStream stream, LaneMessage message) => Messages.Add((stream, message));

    public void Closed(LaneStream stream, string why) => Ended.Add((stream, why));

    public LaneMessage Next() => Take(Messages, "message").Message;

    [SuppressMessage("Performance", "CA1859", Justification = "one way to wait")]
    public static T Take<T>(BlockingCollection<T> from, string what) =>
        from.TryTake(out var item, TimeSpan.FromSeconds(30)) ? item : throw new TimeoutException($"no {what} came within 30 s.");
}

/// <summary>Two nodes of one process, linked, with a stream of job "mnist" opened by the left one.</summary>
internal sealed class PeerPair : IDisposable
{
    public static readonly byte[] Key = LaneToken.NewClusterKey();
    private readonly CpuDevice _device = new(1, null);

    public PeerPair(Func<LanePeerOptions, LanePeerOptions>? change = null)
    {
        change ??= options => options;
        Left = new LanePeer(change(new LanePeerOptions("left", Key, _device)), LeftInbox);
        Right = new LanePeer(change(new LanePeerOptions("right", Key, _device)), RightInbox);
    }

    public Inbox LeftInbox { get; } = new();

    public Inbox RightInbox { get; } = new();

    public LanePeer Left { get; }

    public LanePeer Right { get; }

    public byte[] Token => Left.TokenFor("mnist", DateTimeOffset.UtcNow.AddMinutes(5));

    public LaneLink Connect() => Left.Connect(Right.Endpoint, "right");

    public LaneStream Open() => Connect().Open("mnist", Token, "hello"u8);

    public DeviceBuffer Floats(int count)
    {
        var buffer = _device.Allocate(count);
        var span = buffer.View.AsSpan();
        for (var i = 0; i < span.Length; i++) span[i] = i * 0.5f - count;
        return buffer;
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
        _device.Dispose();
    }
}
