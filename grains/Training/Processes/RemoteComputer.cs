using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Has tree nodes computed by a worker process at the other end of a lane. Weights are sent once and again only when they have changed.</summary>
internal sealed partial class RemoteComputer : IComputer
{
    // Frames of a gradient that may be under way at once.
    private const int Credits = 8;

    private readonly LaneConnection _connection;
    private readonly uint _stream;
    private readonly ChildProcess _child;
    private readonly int _number;
    private readonly View _weights;
    private readonly WeightVersions _versions;
    private readonly float[] _frame;
    private readonly Lock _turn = new();
    private long _sent = -1;
    private (int First, int Count) _sentStages;
    private int _letGo;

    public RemoteComputer(OpenedStream stream, ChildProcess child, View weights, WeightVersions versions)
    {
        (_connection, _stream, _child, _number, _weights, _versions) = (stream.Connection, stream.Stream, child, stream.Number, weights, versions);
        _frame = new float[Math.Min(weights.Length, LaneVector.FrameElements)];
        Span<byte> credits = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(credits, Credits);
        _connection.Send(new LaneHeader(LaneKind.Opened, _stream), credits);
    }

    /// <summary>Bytes heard from it so far; signs of life that nobody waits for are taken off the connection. From any thread.</summary>
    /// <returns>-1 where the connection is closed.</returns>
    public long Heard()
    {
        try
        {
            if (_turn.TryEnter())
            {
                try
                {
                    while (_connection.HasHead) TakeAlive();
                }
                finally
                {
                    _turn.Exit();
                }
            }
            return _connection.Arrived;
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            return -1;
        }
    }

    /// <summary>The run is over: a call that waits for the other side ends at once, and none begins. From any thread.</summary>
    public void LetGo()
    {
        Interlocked.Exchange(ref _letGo, 1);
        if (_turn.TryEnter()) _turn.Exit();
        else _connection.Close();
    }

    /// <summary>Nothing is heard from it: the process is ended (which also ends one that is stopped) and the connection with it.</summary>
    public void Break()
    {
        _child.Kill();
        _connection.Close();
    }

    public void Gradient(long step, TreeNode node, DeviceBuffer gradient)
    {
        using var turn = _turn.EnterScope();
        try
        {
            CheckLetGo();
            SendWeights(step);
            _connection.Send(Header(LaneKind.Lease, step, node), []);
            ReadGradient(step, node, gradient);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException && e is not WorkerLostException)
        {
            throw Lost(e);
        }
    }

    public EvaluationTotals Evaluate(long version, TreeNode node)
    {
        using var turn = _turn.EnterScope();
        try
        {
            CheckLetGo();
            SendWeights(version);
            _connection.Send(Header(LaneKind.Evaluate, version, node), []);
            var header = Next(LaneKind.Evaluated, version, node);
            return ReadSums(header);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException && e is not WorkerLostException)
        {
            throw Lost(e);
        }
    }

    public void Dispose()
    {
        try
        {
            _connection.Send(new LaneHeader(LaneKind.Goodbye, _stream), []);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // It is gone, or closed on purpose.
        }
        _connection.Dispose();
        _child.Dispose();
    }

    private void SendWeights(long version)
    {
        if (!_versions.TryRead(version, out var stamp)) throw new WeightsGoneException(version);
        SendWeights(version, stamp, _weights, (0, 0));
    }

    private void SendWeights(long version, long stamp, View weights, (int First, int Count) stages)
    {
        if (stamp == _sent && stages == _sentStages) return;
        // What the other side holds in between is no version: only a copy that nothing changed under counts.
        _sent = -1;
        for (var offset = 0; offset < weights.Length; offset += LaneVector.FrameElements)
        {
            // A frame of its own, because shards may commit while it is sent: what leaves is whole, or does not leave.
            var part = _frame.AsSpan(0, Math.Min(_frame.Length, weights.Length - offset));
            weights.AsSpan().Slice(offset, part.Length).CopyTo(part);
            if (!_versions.StillHolds(stamp)) throw new WeightsGoneException(version);
            _connection.Send(new LaneHeader(LaneKind.Weights, _stream, Step: version, First: stages.First, Count: stages.Count, Offset: offset), MemoryMarshal.AsBytes(part));
        }
        (_sent, _sentStages) = (stamp, stages);
    }

    private void ReadGradient(long step, TreeNode node, DeviceBuffer gradient)
    {
        for (var offset = 0; offset < gradient.Length;)
        {
            var header = Next(LaneKind.Gradient, step, node);
            if (header.Offset != offset) throw new LaneFormatException($"a gradient comes from element {header.Offset} on. It must go on at {offset}.");
            _connection.ReadPayload(header, LaneVector.Part(gradient.View, header));
            _connection.Send(Header(LaneKind.Credit, step, node), []);
            offset += header.PayloadBytes / sizeof(float);
        }
    }

    private EvaluationTotals ReadSums(in LaneHeader header)
    {
        if (header.PayloadBytes != 32) throw new LaneFormatException($"an evaluation's sums have {header.PayloadBytes} bytes. They must have 32.");
        Span<byte> sums = stackalloc byte[32];
        _connection.ReadPayload(header, sums);
        return new EvaluationTotals(BinaryPrimitives.ReadDoubleLittleEndian(sums), BinaryPrimitives.ReadInt64LittleEndian(sums[8..]), BinaryPrimitives.ReadInt64LittleEndian(sums[16..]), BinaryPrimitives.ReadDoubleLittleEndian(sums[24..]));
    }

    private LaneHeader Next(LaneKind kind, long step, TreeNode node)
    {
        LaneHeader header;
        do
        {
            if (!_connection.TryReadHead(out header)) throw Lost(null);
            if (header.Kind == LaneKind.Alive) _connection.SkipPayload(header);
        }
        while (header.Kind == LaneKind.Alive);
        if (header.Kind == LaneKind.Failure) throw new InvalidOperationException($"worker {_number}: {_connection.ReadText(header)}");
        if (header.Kind != kind || header.Step != step || header.First != node.First || header.Count != node.Count)
            throw new LaneFormatException($"worker {_number} answers step {step}, micro-batches {node} with a {header.Kind} frame of step {header.Step}, micro-batches {new TreeNode(header.First, header.Count)}.");
        return header;
    }

    private void TakeAlive()
    {
        if (!_connection.TryReadHead(out var header)) throw Lost(null);
        // Whatever else it says unasked ends with its next lease, by name.
        _connection.SkipPayload(header);
        if (header.Kind != LaneKind.Alive) _connection.Close();
    }

    private void CheckLetGo()
    {
        if (Volatile.Read(ref _letGo) != 0) throw Lost(null);
    }

    private LaneHeader Header(LaneKind kind, long step, TreeNode node) => new(kind, _stream, Step: step, First: node.First, Count: node.Count);

    private WorkerLostException Lost(Exception? cause) =>
        new($"worker {_number} (process {_child.Id}) is gone", cause, () => $"worker {_number} (process {_child.Id}) {_child.Describe()}{(cause is LaneFormatException ? $" ({cause.Message})" : "")}");
}
