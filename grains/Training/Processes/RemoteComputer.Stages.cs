using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

// Stages of a pipeline in a worker process: activations go there and come back over the lane, and of the weights only those of its stages.
internal sealed partial class RemoteComputer
{
    private StageRange _announced;
    private bool _isAnnounced;

    public IStageComputer Stage(StageRange stages) => new RemoteStages(this, stages);

    private void Take(StageRange stages, long version, LaneKind kind, TreeNode node, ReadOnlySpan<float> given, Span<float> got, DeviceBuffer? gradient, out EvaluationTotals totals)
    {
        using var turn = _turn.EnterScope();
        totals = default;
        try
        {
            CheckLetGo();
            Announce(stages);
            if (!_versions.TryRead(version, stages.FirstShard, stages.EndShard, out var stamp)) throw new WeightsGoneException(version);
            SendWeights(version, stamp, _weights.Part(stages.Offset, stages.Length), (stages.First, stages.Count));
            for (var offset = 0; offset < given.Length; offset += LaneVector.FrameElements)
                _connection.Send(Header(LaneKind.Activation, version, node) with { Offset = offset }, MemoryMarshal.AsBytes(given.Slice(offset, Math.Min(LaneVector.FrameElements, given.Length - offset))));
            _connection.Send(Header(kind, version, node) with { Offset = given.Length }, []);
            for (var offset = 0; offset < got.Length;)
            {
                var header = Next(LaneKind.Activation, version, node);
                if (header.Offset != offset || header.PayloadBytes % sizeof(float) != 0 || header.PayloadBytes / sizeof(float) > got.Length - offset)
                    throw new LaneFormatException($"an activation of {got.Length} elements goes on at {header.Offset} with {header.PayloadBytes} bytes. It must go on at {offset}.");
                _connection.ReadPayload(header, MemoryMarshal.AsBytes(got.Slice(offset, header.PayloadBytes / sizeof(float))));
                offset += header.PayloadBytes / sizeof(float);
            }
            if (gradient is not null) ReadGradient(version, node, gradient);
            var passed = Next(LaneKind.Passed, version, node);
            if (passed.PayloadBytes > 0) totals = ReadSums(passed);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException && e is not WorkerLostException)
        {
            throw Lost(e);
        }
    }

    private void Announce(StageRange stages)
    {
        if (_isAnnounced && _announced == stages) return;
        _connection.Send(new LaneHeader(LaneKind.Stage, _stream, Shard: stages.Plan.Stages.Length, First: stages.First, Count: stages.Count), []);
        (_announced, _isAnnounced) = (stages, true);
    }

    private sealed class RemoteStages(RemoteComputer computer, StageRange stages) : IStageComputer
    {
        public void Forward(long step, TreeNode unit, ReadOnlySpan<float> entering, Span<float> leaving, DeviceBuffer gradient) =>
            computer.Take(stages, step, LaneKind.Forward, unit, entering, leaving, null, out _);

        public void Backward(long step, TreeNode unit, ReadOnlySpan<float> leaving, Span<float> entering, DeviceBuffer gradient) =>
            computer.Take(stages, step, LaneKind.Backward, unit, leaving, entering, gradient, out _);

        public EvaluationTotals Evaluate(long version, TreeNode leaf, ReadOnlySpan<float> entering, Span<float> leaving)
        {
            computer.Take(stages, version, LaneKind.EvaluateStage, leaf, entering, leaving, null, out var totals);
            return totals;
        }

        /// <summary>Announcing the stages again makes the process forget.</summary>
        public void Forget() => computer._isAnnounced = false;

        public void Dispose()
        {
        }
    }
}
