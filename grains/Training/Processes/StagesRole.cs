using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>Some stages of a pipeline: memory for their weights, and a gradient for each unit that is under way.</summary>
internal sealed class StagesRole : IWorkerRole
{
    private readonly ResolvedJob _job;
    private readonly StageRange _stages;
    private readonly Device _cpu;
    private readonly Device? _accelerator;
    private readonly DeviceBuffer _weights;
    private readonly IStageComputer _computer;
    private readonly Dictionary<TreeNode, DeviceBuffer> _gradients = [];
    private readonly Stack<DeviceBuffer> _free = new();
    private DeviceBuffer? _given;
    private DeviceBuffer? _got;
    private DeviceBuffer? _sent;

    public StagesRole(WorkerOrder order, ResolvedJob job, StageRange stages, Device cpu)
    {
        (_job, _stages, _cpu, _weights) = (job, stages, cpu, cpu.Allocate(stages.Length));
        _accelerator = Devices.IsAccelerator(order.Device) ? Devices.Open(order.Device) : null;
        _computer = _accelerator is { } device ? new AcceleratorStageComputer(job, stages, device, _weights.View) : new LocalStageComputer(job, stages, cpu, _weights.View);
    }

    public bool IsAsked(in WorkerTask become) => (become.Stages, become.First, become.Count) == (_stages.Plan.Stages.Length, _stages.First, _stages.Count);

    public int PlacesFor(in WorkerTask task, Span<View> places)
    {
        var entering = Length(task, isAnswer: false);
        if ((task.Weights != 0 && task.Weights != _weights.Length) || task.Activation != entering)
            throw new LaneFormatException($"{task.Weights} weights and {task.Activation} elements of activation come for {task.Kind} of micro-batches {task.Node}. The worker's stages have {_weights.Length} weights and take {entering} elements.");
        var count = 0;
        if (task.Weights > 0) places[count++] = _weights.View;
        if (task.Activation > 0) places[count++] = Room(ref _given, task.Activation);
        return count;
    }

    public WorkerTask Compute(in WorkerTask task, out View activation, out View gradient)
    {
        // The last answer has left: this task came after it.
        if (_sent is { } sent) _free.Push(sent);
        (_sent, gradient) = (null, View.None);
        var given = task.Activation > 0 ? Room(ref _given, task.Activation) : View.None;
        var length = Length(task, isAnswer: true);
        activation = length > 0 ? Room(ref _got, length) : View.None;
        var answer = task with { Weights = 0, Activation = length };
        switch (task.Kind)
        {
            case WorkerTaskKind.EvaluateStages:
                return answer with { Totals = _computer.Evaluate(task.Step, task.Node, given, activation) };
            case WorkerTaskKind.Forward:
                if (!_gradients.TryGetValue(task.Node, out var own)) _gradients[task.Node] = own = _free.TryPop(out var free) ? free : _cpu.Allocate(_stages.Length);
                _computer.Forward(task.Step, task.Node, given, activation, own);
                return answer;
            case WorkerTaskKind.Backward:
                if (!_gradients.Remove(task.Node, out _sent)) throw new InvalidOperationException($"micro-batches {task.Node} come back and did not go forward.");
                _computer.Backward(task.Step, task.Node, given, activation, _sent);
                gradient = _sent.View;
                return answer with { Gradient = gradient.Length };
            default:
                throw new InvalidOperationException($"a worker of stages is asked for {task.Kind}. It must be Forward, Backward or EvaluateStages.");
        }
    }

    public void Forget()
    {
        _computer.Forget();
        foreach (var gradient in _gradients.Values) _free.Push(gradient);
        _gradients.Clear();
    }

    public void Dispose()
    {
        _computer.Dispose();
        _accelerator?.Dispose();
        Forgotten();
        foreach (var buffer in new[] { _weights, _given, _got, _sent }) buffer?.Dispose();
    }

    // Forward: in at the front, out at the back. Backward: the other way.
    private int Length(in WorkerTask task, bool isAnswer)
    {
        var evaluation = task.Kind == WorkerTaskKind.EvaluateStages;
        var cut = evaluation ? new MicroBatches(_job.Data.Test.Count, _job.EvaluationMicroBatches) : new MicroBatches(_job.SamplesOf(task.Step), _job.MicroBatches);
        return cut.SamplesOf(task.Node) * (isAnswer == (task.Kind == WorkerTaskKind.Backward) ? _stages.Entering(evaluation) : _stages.Leaving(evaluation));
    }

    private View Room(ref DeviceBuffer? buffer, int length)
    {
        if (buffer is null || buffer.Length < length)
        {
            buffer?.Dispose();
            buffer = _cpu.Allocate(length);
        }
        return buffer.View.Part(0, length);
    }

    private void Forgotten()
    {
        foreach (var gradient in _gradients.Values) gradient.Dispose();
        foreach (var gradient in _free) gradient.Dispose();
    }
}
