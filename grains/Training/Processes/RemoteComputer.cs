using System.Buffers.Binary;
using System.Net.Sockets;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Has tree nodes computed by a worker process at the other end of a lane. Weights are sent once for each version.</summary>
internal sealed class RemoteComputer : IComputer
{
    // Frames of a gradient that may be under way at once.
    private const int Credits = 8;

    private readonly LaneConnection _connection;
    private readonly uint _stream;
    private readonly ChildProcess _child;
    private readonly int _number;
    private readonly View _weights;
    private long _sentVersion = -1;

    public RemoteComputer(OpenedStream stream, ChildProcess child, View weights)
    {
        (_connection, _stream, _child, _number, _weights) = (stream.Connection, stream.Stream, child, stream.Number, weights);
        Span<byte> credits = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(credits, Credits);
        _connection.Send(new LaneHeader(LaneKind.Opened, _stream), credits);
    }

    public void Gradient(long step, TreeNode node, DeviceBuffer gradient)
    {
        try
        {
            SendWeights(step);
            _connection.Send(Header(LaneKind.Lease, step, node), []);
            for (var offset = 0; offset < gradient.Length;)
            {
                var header = Next(LaneKind.Gradient, step, node);
                if (header.Offset != offset) throw new LaneFormatException($"a gradient comes from element {header.Offset} on. It must go on at {offset}.");
                _connection.ReadPayload(header, LaneVector.Part(gradient.View, header));
                _connection.Send(Header(LaneKind.Credit, step, node), []);
                offset += header.PayloadBytes / sizeof(float);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException && e is not WorkerLostException)
        {
            throw Lost(e);
        }
    }

    public EvaluationTotals Evaluate(long version, TreeNode node)
    {
        try
        {
            SendWeights(version);
            _connection.Send(Header(LaneKind.Evaluate, version, node), []);
            var header = Next(LaneKind.Evaluated, version, node);
            if (header.PayloadBytes != 24) throw new LaneFormatException($"an evaluation's sums have {header.PayloadBytes} bytes. They must have 24.");
            Span<byte> sums = stackalloc byte[24];
            _connection.ReadPayload(header, sums);
            return new EvaluationTotals(BinaryPrimitives.ReadDoubleLittleEndian(sums), BinaryPrimitives.ReadInt64LittleEndian(sums[8..]), BinaryPrimitives.ReadInt64LittleEndian(sums[16..]));
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
        if (version == _sentVersion) return;
        for (var offset = 0; offset < _weights.Length; offset += LaneVector.FrameElements)
            LaneVector.Send(_connection, new LaneHeader(LaneKind.Weights, _stream, Step: version), _weights, offset);
        _sentVersion = version;
    }

    private LaneHeader Next(LaneKind kind, long step, TreeNode node)
    {
        if (!_connection.TryReadHead(out var header)) throw Lost(null);
        if (header.Kind == LaneKind.Failure) throw new InvalidOperationException($"worker {_number}: {_connection.ReadText(header)}");
        if (header.Kind != kind || header.Step != step || header.First != node.First || header.Count != node.Count)
            throw new LaneFormatException($"worker {_number} answers step {step}, micro-batches {node} with a {header.Kind} frame of step {header.Step}, micro-batches {new TreeNode(header.First, header.Count)}.");
        return header;
    }

    private LaneHeader Header(LaneKind kind, long step, TreeNode node) => new(kind, _stream, Step: step, First: node.First, Count: node.Count);

    private WorkerLostException Lost(Exception? cause) =>
        new($"worker {_number} (process {_child.Id}) is gone", cause, () => $"worker {_number} (process {_child.Id}) {_child.Describe()}{(cause is LaneFormatException ? $" ({cause.Message})" : "")}");
}
