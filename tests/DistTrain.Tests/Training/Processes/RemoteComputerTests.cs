using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using DistTrain.Kernels;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Which weights the other end of a lane computes with: the test is the other end.</summary>
public sealed class RemoteComputerTests : IDisposable
{
    // More than the sockets hold between two threads, so that a sender waits for its reader.
    private const int Frames = 24;
    private readonly CpuDevice _device = new(1);
    private readonly DeviceBuffer _weights;
    private readonly WeightVersions _versions = new(1);
    private readonly LaneConnection _far;
    private readonly RemoteComputer _computer;

    public RemoteComputerTests()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        _far = LaneConnection.Connect((IPEndPoint)listening.LocalEndPoint!);
        _weights = _device.Allocate(Frames * LaneVector.FrameElements);
        // Any process that stays until its input ends.
        var idle = OperatingSystem.IsWindows() ? new WorkerLaunch("cmd", ["/c", "more"]) : new WorkerLaunch("cat", []);
        _computer = new RemoteComputer(new OpenedStream(new LaneConnection(listening.Accept()), 1, 0), new ChildProcess(idle, new WorkerOrder("", "", 0, "", 1, null), _ => { }), _weights.View, _versions);
        Assert.True(_far.TryReadHead(out var opened));
        _far.SkipPayload(opened);
    }

    public void Dispose()
    {
        _computer.Dispose();
        _far.Dispose();
        _weights.Dispose();
        _device.Dispose();
    }

    [Fact]
    public async Task Weights_are_sent_again_when_the_same_version_has_other_elements()
    {
        Commit(7, 1f);
        Assert.Equal((Frames, 1f, 1f), await Evaluation(7));
        Assert.Equal((0, 0f, 0f), await Evaluation(7));
        // Rolled back, and at version 7 again on another past.
        Commit(6, 2f);
        Commit(7, 3f);
        Assert.Equal((Frames, 3f, 3f), await Evaluation(7));
    }

    [Fact]
    public async Task Weights_that_changed_while_they_were_sent_are_never_computed_with()
    {
        Commit(7, 1f);
        using var begun = new ManualResetEventSlim();
        using var committed = new ManualResetEventSlim();
        var far = Task.Run(() => UntilEvaluate(() =>
        {
            begun.Set();
            committed.Wait();
        }));
        var committing = Task.Run(() =>
        {
            begun.Wait();
            Commit(8, 2f);
            committed.Set();
        });
        Assert.Throws<WeightsGoneException>(() => _computer.Evaluate(7, TreeNode.Leaf(0)));
        await committing;
        // Even where it is version 7 again: what the other side holds now is of another.
        Commit(7, 3f);
        Assert.Equal(5, _computer.Evaluate(7, TreeNode.Leaf(0)).Samples);
        var frames = await far;
        Assert.True(frames.Count > Frames, $"{frames.Count} frames came");
        Assert.All(frames[..^Frames], frame => Assert.Equal((1f, 1f), frame));
        Assert.All(frames[^Frames..], frame => Assert.Equal((3f, 3f), frame));
    }

    [Fact]
    public void Weights_of_a_version_that_is_gone_are_not_sent()
    {
        Commit(8, 1f);
        Assert.Throws<WeightsGoneException>(() => _computer.Evaluate(7, TreeNode.Leaf(0)));
    }

    private void Commit(long version, float value)
    {
        _versions.Begin(0);
        _weights.View.AsSpan().Fill(value);
        _versions.End(0, version);
    }

    // What came before the lease: how many frames of weights, their first and their last element.
    private async Task<(int Frames, float First, float Last)> Evaluation(long version)
    {
        var far = Task.Run(() => UntilEvaluate(() => { }));
        Assert.Equal(5, _computer.Evaluate(version, TreeNode.Leaf(0)).Samples);
        return await far is [var first, .., var last] frames ? (frames.Count, first.First, last.Last) : (0, 0, 0);
    }

    // First and last element of each frame of weights; the lease is answered.
    private List<(float First, float Last)> UntilEvaluate(Action afterFirst)
    {
        var frames = new List<(float, float)>();
        while (true)
        {
            // A sign of life before each answer, as a worker process gives it.
            _far.Send(new LaneHeader(LaneKind.Alive, 1), []);
            var header = Read(out var first, out var last);
            if (header.Kind == LaneKind.Evaluate)
            {
                var sums = new byte[32];
                BinaryPrimitives.WriteInt64LittleEndian(sums.AsSpan(16), 5);
                _far.Send(header with { Kind = LaneKind.Evaluated }, sums);
                return frames;
            }
            frames.Add((first, last));
            if (frames.Count == 1) afterFirst();
        }
    }

    private LaneHeader Read(out float first, out float last)
    {
        Assert.True(_far.TryReadHead(out var header));
        var payload = new byte[header.PayloadBytes];
        _far.ReadPayload(header, payload);
        (first, last) = payload.Length == 0 ? (0, 0) : (BitConverter.ToSingle(payload), BitConverter.ToSingle(payload, payload.Length - 4));
        return header;
    }
}
