using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The inside of a worker process that runs stages of a pipeline. It has memory for its own stages only.</summary>
/// <param name="sendGradient">Sends a gradient in answer to a frame, as credits allow.</param>
internal sealed class StageProcess(WorkerOrder order, ResolvedJob job, Device cpu, LaneConnection connection, Action<DeviceBuffer, LaneHeader> sendGradient) : IDisposable
{
    private readonly Dictionary<TreeNode, DeviceBuffer> _gradients = [];
    private readonly Stack<DeviceBuffer> _free = new();
    private PipelinePlan? _plan;
    private StageRange _stages;
    private DeviceBuffer? _weights;
    private Device? _accelerator;
    private IStageComputer? _computer;
    private float[] _given = [];
    private float[] _got = [];

    public void TakeWeights(in LaneHeader header)
    {
        if (_weights is null || (header.First, header.Count) != (_stages.First, _stages.Count)) throw new LaneFormatException($"weights of stages {header.First} to {header.First + header.Count - 1} come to a worker that was not told to run them.");
        connection.ReadPayload(header, LaneVector.Part(_weights.View, header));
    }

    public void Take(in LaneHeader header)
    {
        switch (header.Kind)
        {
            case LaneKind.Stage:
                connection.SkipPayload(header);
                Become(header);
                break;
            case LaneKind.Activation:
                TakeActivation(header);
                break;
            default:
                connection.SkipPayload(header);
                Answer(header);
                break;
        }
    }

    public void Dispose()
    {
        Clear();
        _accelerator?.Dispose();
    }

    private void Become(in LaneHeader header)
    {
        if (_plan is null || _plan.Stages.Length != header.Shard) (_plan, _stages) = (PipelinePlan.Of(job, header.Shard, header.Shard), default);
        if (header.First < 0 || header.Count < 1 || header.First > _plan.Stages.Length - header.Count) throw new LaneFormatException($"a worker is to run stages {header.First} to {header.First + header.Count - 1} of {_plan.Stages.Length}.");
        var stages = new StageRange(_plan, header.First, header.Count);
        if (_computer is not null && stages == _stages)
        {
            _computer.Forget();
            foreach (var gradient in _gradients.Values) _free.Push(gradient);
            _gradients.Clear();
            return;
        }
        Clear();
        _stages = stages;
        _weights = cpu.Allocate(stages.Length);
        if (Devices.IsAccelerator(order.Device)) _computer = new AcceleratorStageComputer(job, stages, _accelerator ??= Devices.Open(order.Device), _weights.View);
        else _computer = new LocalStageComputer(job, stages, cpu, _weights.View);
    }

    private void TakeActivation(in LaneHeader header)
    {
        var (from, count) = (header.Offset, header.PayloadBytes / sizeof(float));
        if (from < 0 || from > int.MaxValue - count || header.PayloadBytes % sizeof(float) != 0) throw new LaneFormatException($"an activation goes on at {header.Offset} with {header.PayloadBytes} bytes.");
        // What came before is whole, so no announced length makes room for more than has come.
        if (_given.Length < from + count) Array.Resize(ref _given, (int)Math.Max(from + count, Math.Min(2L * _given.Length, Array.MaxLength)));
        connection.ReadPayload(header, MemoryMarshal.AsBytes(_given.AsSpan((int)from, count)));
    }

    private void Answer(LaneHeader task)
    {
        try
        {
            if (_computer is null) throw new InvalidOperationException("the worker was not told which stages to run.");
            var (node, evaluation) = (new TreeNode(task.First, task.Count), task.Kind == LaneKind.EvaluateStage);
            var samples = (evaluation ? new MicroBatches(job.Data.Test.Count, job.EvaluationMicroBatches) : new MicroBatches(job.SamplesOf(task.Step), job.MicroBatches)).SamplesOf(node);
            var length = samples * (task.Kind == LaneKind.Backward ? _stages.Entering(evaluation: false) : _stages.Leaving(evaluation));
            if (_got.Length < length) _got = new float[length];
            var given = _given.AsSpan(0, (int)Math.Min(task.Offset, _given.Length));
            var got = _got.AsSpan(0, length);
            var totals = Compute(task, node, given, got);
            for (var offset = 0; offset < length; offset += LaneVector.FrameElements)
                connection.Send(task with { Kind = LaneKind.Activation, Offset = offset }, MemoryMarshal.AsBytes(got.Slice(offset, Math.Min(LaneVector.FrameElements, length - offset))));
            if (task.Kind == LaneKind.Backward) SendGradient(task, node);
            Span<byte> sums = stackalloc byte[WorkerProcess.SumsBytes];
            WorkerProcess.Write(totals, sums);
            connection.Send(task with { Kind = LaneKind.Passed }, evaluation && _stages.Leaving(evaluation) == 0 ? sums : []);
        }
        catch (Exception e) when (e is not (IOException or SocketException or ObjectDisposedException))
        {
            connection.SendText(LaneKind.Failure, task.Stream, e.ToString());
        }
    }

    private EvaluationTotals Compute(in LaneHeader task, TreeNode node, ReadOnlySpan<float> given, Span<float> got)
    {
        if (task.Kind == LaneKind.EvaluateStage) return _computer!.Evaluate(task.Step, node, given, got);
        if (task.Kind == LaneKind.Forward)
        {
            if (!_gradients.TryGetValue(node, out var gradient)) _gradients[node] = gradient = _free.TryPop(out var free) ? free : cpu.Allocate(_stages.Length);
            _computer!.Forward(task.Step, node, given, got, gradient);
        }
        else _computer!.Backward(task.Step, node, given, got, _gradients.GetValueOrDefault(node) ?? throw new InvalidOperationException($"micro-batches {node} come back and did not go forward."));
        return default;
    }

    private void SendGradient(in LaneHeader task, TreeNode node)
    {
        _gradients.Remove(node, out var gradient);
        sendGradient(gradient!, task);
        _free.Push(gradient!);
    }

    private void Clear()
    {
        _computer?.Dispose();
        _weights?.Dispose();
        foreach (var gradient in _gradients.Values) gradient.Dispose();
        foreach (var gradient in _free) gradient.Dispose();
        _gradients.Clear();
        _free.Clear();
        (_computer, _weights) = (null, null);
    }
}
